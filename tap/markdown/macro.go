package markdown

import (
	"strings"
)

// macroForm says how a macro is shown.
type macroForm uint8

const (
	macroUnknown  macroForm = iota // a comment with its name and parameters, and its body
	macroCode                      // a code block
	macroPanel                     // a quote that begins with a label
	macroExpand                    // its title, and its body
	macroColumns                   // its body
	macroStatus                    // its title
	macroJira                      // the key of its issue
	macroFile                      // a link to the file that it shows
	macroAddress                   // a link to the address that it shows
	macroProfile                   // a mention
	macroFootnote                  // its body, in parentheses
)

// macroKind is what is known of the macros of one name.
type macroKind struct {
	form macroForm
	text string // the label of a panel, the language of a code block
}

// macros are the macros that have a form of their own.
var macros = map[string]macroKind{
	"code":       {form: macroCode},
	"noformat":   {form: macroCode},
	"html":       {form: macroCode, text: "html"},
	"markdown":   {form: macroCode, text: "markdown"},
	"info":       {form: macroPanel, text: "Info"},
	"note":       {form: macroPanel, text: "Note"},
	"tip":        {form: macroPanel, text: "Tip"},
	"warning":    {form: macroPanel, text: "Warning"},
	"success":    {form: macroPanel, text: "Success"},
	"error":      {form: macroPanel, text: "Error"},
	"panel":      {form: macroPanel},
	"expand":     {form: macroExpand},
	"section":    {form: macroColumns},
	"column":     {form: macroColumns},
	"status":     {form: macroStatus},
	"jira":       {form: macroJira},
	"jiraissues": {form: macroJira},
	"view-file":  {form: macroFile},
	"viewpdf":    {form: macroFile},
	"viewdoc":    {form: macroFile},
	"viewxls":    {form: macroFile},
	"viewppt":    {form: macroFile},
	"multimedia": {form: macroFile},
	"widget":     {form: macroAddress},
	"profile":    {form: macroProfile},
	"footnote":   {form: macroFootnote},
}

// parameter returns the value of a macro's parameter, empty without one.
func (n *node) parameter(name string) string {
	if p := n.parameterNode(name); p != nil {
		return strings.TrimSpace(p.plain())
	}
	return ""
}

func (n *node) parameterNode(name string) *node {
	for c := n.first; c != nil; c = c.next {
		if c.name == "ac:parameter" && strings.EqualFold(c.attr("ac:name"), name) {
			return c
		}
	}
	return nil
}

func (r *renderer) macro(n *node) {
	kind := macros[strings.ToLower(n.attr("ac:name"))]
	switch {
	case kind.form == macroCode && n.child("ac:plain-text-body") != nil:
		r.codeMacro(n, kind.text)
	case kind.form == macroPanel:
		r.panel(kind.text, n.parameter("title"), func() { r.bodies(n) })
	case kind.form == macroExpand:
		r.paragraph(strong, n.parameter("title"))
		r.bodies(n)
	case kind.form == macroColumns:
		r.bodies(n)
	case kind.form == macroFootnote:
		r.footnote(n)
	default:
		if !r.lineMacro(n, kind.form) {
			r.comment(n.attr("ac:name"), n.settings("ac:parameter", "ac:name"))
		}
		r.bodies(n)
	}
}

// lineMacro renders a macro that stands in a line, and reports whether there was something to
// show.
func (r *renderer) lineMacro(n *node, form macroForm) bool {
	switch form {
	case macroStatus:
		text := n.parameter("title")
		if text == "" {
			text = n.parameter("colour")
		}
		r.styled(strong, func() { r.text(text) })
		return text != ""
	case macroJira:
		key := n.parameter("key")
		r.text(key)
		return key != ""
	case macroFile, macroProfile:
		for c := n.first; c != nil; c = c.next {
			if target, text := firstReference(c); target != "" {
				r.linked(n, target, text, nil)
				return true
			}
		}
	case macroAddress:
		target := n.parameter("url")
		if p := n.parameterNode("url"); target == "" && p != nil {
			target, _ = firstReference(p)
		}
		if target != "" {
			r.linked(n, target, target, nil)
			return true
		}
	}
	return false
}

// settings returns the names and values of the children that say how a macro or a node of the
// new editor is set.
func (n *node) settings(element, name string) []attr {
	var all []attr
	for c := n.first; c != nil; c = c.next {
		if c.name != element {
			continue
		}
		value := strings.TrimSpace(c.plain())
		if target, _ := firstReference(c); target != "" {
			value = target
		}
		all = append(all, attr{c.attr(name), value})
	}
	return all
}

// bodies renders all of a macro but its parameters, which are hidden.
func (r *renderer) bodies(n *node) { r.children(n) }

// firstReference returns where the first ri: element leads to that lies in a parameter, also
// within a link.
func firstReference(n *node) (target, text string) {
	for c := n.first; c != nil; c = c.next {
		if strings.HasPrefix(c.name, "ri:") {
			return reference(c)
		}
		if c.form == formLink {
			return firstReference(c)
		}
	}
	return "", ""
}

// comment gathers an HTML comment that tells what stood here.
func (r *renderer) comment(name string, attrs []attr) {
	var b strings.Builder
	b.WriteString(name)
	for _, a := range attrs {
		switch a.name {
		case "style", "class", "ac:local-id", "ac:macro-id", "ac:schema-version":
			continue // they say nothing to a reader
		}
		b.WriteByte(' ')
		if a.name != "" {
			b.WriteString(a.name)
			b.WriteByte('=')
		}
		b.WriteString(`"` + strings.ReplaceAll(a.value, `"`, `'`) + `"`)
	}
	text := strings.TrimSpace(collapse(b.String(), true))
	for strings.Contains(text, "--") {
		text = strings.ReplaceAll(text, "--", "- -")
	}
	if r.cell {
		text = strings.ReplaceAll(text, "|", `\|`)
	}
	r.add(runComment, "<!-- confluence:"+text+" -->")
}

// codeMacro writes a code block, its title above it.
func (r *renderer) codeMacro(n *node, language string) {
	if language == "" {
		language = n.parameter("language")
	}
	if language == "" {
		language = n.parameter("")
	}
	r.paragraph(strong, n.parameter("title"))
	r.code(infoString(language), n.child("ac:plain-text-body").plain())
}

// infoString returns the name of a language as it may stand behind a fence: one word without
// markup.
func infoString(language string) string {
	language = strings.Join(strings.Fields(collapse(language, true)), "-")
	language = strings.ReplaceAll(language, "`", "")
	return strings.NewReplacer(`\`, `\\`, "&", `\&`).Replace(language)
}

// panel writes a quote whose first paragraph is its label and title.
func (r *renderer) panel(label, title string, body func()) {
	if label != "" && title != "" {
		title = ": " + title
	}
	r.quote(func() {
		r.paragraph(strong, label+title)
		body()
	})
}

func (r *renderer) footnote(n *node) {
	note := r.aside(func() { r.bodies(n) })
	r.text(" (")
	r.runs, r.grown = append(r.runs, note...), nil
	r.text(")")
}

// extension renders what the new editor stores as its own document's nodes. The fallback beside
// them says the same for those who don't know them.
func (r *renderer) extension(n *node) {
	own, fallback := n.child("ac:adf-node"), n.child("ac:adf-fallback")
	if own == nil {
		r.blocks(n)
		return
	}
	if !knowsExtension(own) {
		r.comment(own.attr("type"), own.settings("ac:adf-attribute", "key"))
		if fallback != nil {
			own = fallback
		}
	}
	r.flush()
	r.node(own)
	r.flush()
}

// knowsExtension reports whether the text of a node is all in contents that can be rendered.
func knowsExtension(n *node) bool {
	for c := n.first; c != nil; c = c.next {
		if c.name == "ac:adf-content" || c.name == "ac:adf-node" && knowsExtension(c) {
			return true
		}
	}
	return false
}

func (r *renderer) extensionNode(n *node) {
	switch n.attr("type") {
	case "panel":
		kind := ""
		for c := n.first; c != nil; c = c.next {
			if c.name == "ac:adf-attribute" && c.attr("key") == "panel-type" {
				kind = strings.TrimSpace(c.plain())
			}
		}
		r.panel(macros[kind].text, "", func() { r.children(n) })
	case "decision-list":
		l := r.beginList(false, false)
		for c := n.first; c != nil; c = c.next {
			if c.name == "ac:adf-node" {
				l.item(r)
				r.node(c)
				l.endItem(r)
			}
		}
		l.end(r)
	default:
		r.blocks(n)
	}
}

func (r *renderer) time(n *node) {
	before := r.mark()
	r.children(n)
	if !r.shownSince(before) {
		r.text(n.attr("datetime"))
	}
}

// emoji returns the character of an emoticon, else its short name.
func emoji(n *node) string {
	if s := n.attr("ac:emoji-fallback"); s != "" && !strings.HasPrefix(s, ":") {
		return s
	}
	name := n.attr("ac:name")
	if s := emoticons[name]; s != "" {
		return s
	}
	if s := n.attr("ac:emoji-shortname"); s != "" {
		return s
	}
	return ":" + name + ":"
}

// emoticons are the names that Confluence itself gives to emoticons.
var emoticons = map[string]string{
	"smile": "🙂", "sad": "🙁", "cheeky": "😛", "laugh": "😀", "wink": "😉", "thumbs-up": "👍", "thumbs-down": "👎",
	"information": "ℹ️", "tick": "✅", "cross": "❌", "warning": "⚠️", "plus": "➕", "minus": "➖", "question": "❓",
	"light-on": "💡", "light-off": "💡", "yellow-star": "⭐", "red-star": "⭐", "green-star": "⭐", "blue-star": "⭐",
	"heart": "❤️", "broken-heart": "💔",
}
