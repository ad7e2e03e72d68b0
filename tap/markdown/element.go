package markdown

// form says how an element is shown.
type form uint8

const (
	formInline   form = iota // its children, as if it weren't there
	formBlock                // the same, in lines of their own
	formHidden               // not at all: its content is no text of the page
	formUnknown              // a comment that names it, and its children
	formEmbedded             // a comment that names it and its attributes, without children
	formText
	formHeading
	formStrong
	formEmphasis
	formStrike
	formSpan // struck through if its style says so
	formCode
	formPreformatted
	formQuote
	formRule
	formBreak
	formList
	formTable
	formTerm
	formAnchor
	formPicture
	formTime
	formMacro
	formTaskList
	formTask
	formLink
	formImage
	formCaption
	formEmoticon
	formPlaceholder
	formPlainBody
	formExtension
	formExtensionNode
)

// element is what is known of the elements of one name.
type element struct {
	name string
	form form

	// What follows is for bodies that are read as HTML.
	void    bool // it has no content and no end tag
	wall    bool // end tags of inline elements within it end nothing outside of it
	ends    ends // what its start tag ends
	endedBy ends // what ends it
	holds   ends // what can't be ended from within it
}

// ends is a set of things that end without an end tag.
type ends uint8

const (
	endsParagraph ends = 1 << iota
	endsItem
	endsTerm
	endsCell
	endsRow
	endsSection
	endsAll ends = 1<<iota - 1
)

var (
	rootElement = element{form: formBlock, wall: true, holds: endsAll}
	textElement = element{form: formText}
)

// elements are the elements that are known, by their names.
var elements = elementTable()

func elementTable() map[string]*element {
	all := []element{
		{name: "p", form: formBlock, ends: endsParagraph, endedBy: endsParagraph},
		{name: "ul", form: formList, ends: endsParagraph, holds: endsItem},
		{name: "ol", form: formList, ends: endsParagraph, holds: endsItem},
		{name: "li", form: formBlock, ends: endsItem, endedBy: endsItem},
		{name: "dl", form: formBlock, ends: endsParagraph, holds: endsTerm},
		{name: "dt", form: formTerm, ends: endsTerm, endedBy: endsTerm},
		{name: "dd", form: formBlock, ends: endsTerm, endedBy: endsTerm},
		{name: "pre", form: formPreformatted, ends: endsParagraph},
		{name: "blockquote", form: formQuote, ends: endsParagraph},
		{name: "hr", form: formRule, void: true, ends: endsParagraph},
		{name: "br", form: formBreak, void: true},

		{name: "table", form: formTable, wall: true, ends: endsParagraph, holds: endsAll},
		{name: "caption", form: formBlock, wall: true, endedBy: endsSection | endsRow},
		{name: "colgroup", form: formHidden, endedBy: endsSection | endsRow},
		{name: "col", form: formHidden, void: true},
		{name: "thead", form: formBlock, wall: true, ends: endsSection | endsRow | endsCell, endedBy: endsSection},
		{name: "tbody", form: formBlock, wall: true, ends: endsSection | endsRow | endsCell, endedBy: endsSection},
		{name: "tfoot", form: formBlock, wall: true, ends: endsSection | endsRow | endsCell, endedBy: endsSection},
		{name: "tr", form: formBlock, wall: true, ends: endsRow | endsCell, endedBy: endsRow},
		{name: "td", form: formBlock, wall: true, ends: endsCell, endedBy: endsCell, holds: endsParagraph | endsItem | endsTerm},
		{name: "th", form: formBlock, wall: true, ends: endsCell, endedBy: endsCell, holds: endsParagraph | endsItem | endsTerm},

		{name: "code", form: formCode},
		{name: "span", form: formSpan},
		{name: "a", form: formAnchor},
		{name: "img", form: formPicture, void: true},
		{name: "time", form: formTime},
		{name: "wbr", form: formInline, void: true},

		{name: "ac:structured-macro", form: formMacro},
		{name: "ac:macro", form: formMacro},
		{name: "ac:parameter", form: formHidden},
		{name: "ac:rich-text-body", form: formBlock},
		{name: "ac:plain-text-body", form: formPlainBody},
		{name: "ac:layout", form: formBlock},
		{name: "ac:layout-section", form: formBlock},
		{name: "ac:layout-cell", form: formBlock},
		{name: "ac:task-list", form: formTaskList},
		{name: "ac:task", form: formTask},
		{name: "ac:task-id", form: formHidden},
		{name: "ac:task-uuid", form: formHidden},
		{name: "ac:task-status", form: formHidden},
		{name: "ac:task-body", form: formBlock},
		{name: "ac:link", form: formLink},
		{name: "ac:link-body", form: formInline},
		{name: "ac:plain-text-link-body", form: formInline},
		{name: "ac:image", form: formImage},
		{name: "ac:caption", form: formCaption},
		{name: "ac:emoticon", form: formEmoticon},
		{name: "ac:hipchat-emoticon", form: formEmoticon},
		{name: "ac:placeholder", form: formPlaceholder},
		{name: "ac:inline-comment-marker", form: formInline},
		{name: "ac:adf-extension", form: formExtension},
		{name: "ac:adf-node", form: formExtensionNode},
		{name: "ac:adf-content", form: formBlock},
		{name: "ac:adf-fallback", form: formBlock},
		{name: "ac:adf-attribute", form: formHidden},
		{name: "ac:adf-parameter", form: formHidden},
		{name: "ac:adf-fragment-mark", form: formHidden},
		{name: "ac:adf-fragment-mark-detail", form: formHidden},
	}
	same := map[form][]string{
		formHeading:  {"h1", "h2", "h3", "h4", "h5", "h6"},
		formStrong:   {"strong", "b"},
		formEmphasis: {"em", "i", "cite", "dfn", "var"},
		formStrike:   {"del", "s", "strike"},
		formCode:     {"kbd", "samp", "tt"},
		formHidden:   {"head", "link", "meta", "param", "source", "track", "base", "area"},
		formEmbedded: {"script", "style", "iframe", "object", "embed", "video", "audio", "applet", "template", "svg"},
		formBlock: {"address", "article", "aside", "center", "details", "dir", "div", "fieldset", "figcaption", "figure",
			"footer", "form", "header", "main", "menu", "nav", "section", "summary", "html", "body"},
	}
	for form, names := range same {
		for _, name := range names {
			all = append(all, element{name: name, form: form})
		}
	}
	byName := make(map[string]*element, len(all))
	for i := range all {
		e := &all[i]
		switch {
		case len(e.name) > 3 && e.name[:3] == "ac:":
			e.wall, e.holds = true, endsAll
		case e.form == formHeading, e.form == formBlock && e.ends == 0 && e.endedBy == 0:
			e.ends = endsParagraph
		case e.form == formHidden, e.name == "embed":
			e.void = e.name != "head" && e.name != "colgroup"
		}
		byName[e.name] = e
	}
	return byName
}

// isBlock reports whether the node is shown in lines of its own.
func (n *node) isBlock() bool {
	switch n.form {
	case formBlock, formHeading, formPreformatted, formQuote, formRule, formList, formTable, formTerm,
		formTaskList, formTask, formPlainBody, formExtension, formExtensionNode:
		return true
	}
	return false
}

// attributeNames are the names that most attributes have, so that they need no copies.
var attributeNames = nameTable(
	"ac:name", "ac:schema-version", "ac:macro-id", "ac:local-id", "local-id", "href", "class", "style", "colspan", "rowspan",
	"ri:content-title", "ri:space-key", "ri:filename", "ri:account-id", "ri:userkey", "ri:value", "ri:version-at-save",
	"ac:anchor", "ac:alt", "ac:width", "ac:height", "ac:ref", "datetime", "data-layout", "data-card-appearance",
	"ac:emoji-fallback", "ac:emoji-shortname", "ac:emoji-id", "ac:type", "key", "type", "title", "id",
)

func nameTable(names ...string) map[string]string {
	t := make(map[string]string, len(names))
	for _, name := range names {
		t[name] = name
	}
	return t
}
