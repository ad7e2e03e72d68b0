package markdown

import (
	"testing"
)

// reported is what broke in other converters and exporters of Confluence pages, and of HTML, as
// people reported it: bodies of our own that are shaped as theirs.
var reported = []struct {
	issue, storage, want string
}{
	// Links to pages without a text of their own vanish.
	{
		"highsource/confluence-to-markdown-converter#5",
		`<p>From&nbsp;<ac:link><ri:page ri:content-title="Weekly Notes" /></ac:link>, we learn:</p>`,
		"From\u00a0[Weekly Notes](confluence-page:Weekly%20Notes), we learn:",
	},
	// Links and the bodies of macros are dropped; parameters are left as text.
	{
		"sooperset/mcp-atlassian#1255",
		`<p>More is in <ac:link><ri:page ri:space-key="DEV" ri:content-title="Setup" /></ac:link>.</p><ac:structured-macro ac:name="info"><ac:parameter ac:name="icon">true</ac:parameter><ac:rich-text-body><p>Inside.</p></ac:rich-text-body></ac:structured-macro>`,
		"More is in [Setup](confluence-page:DEV/Setup).\n\n> **Info**\n>\n> Inside.",
	},
	// The parameters of a macro stand in the text: "falsefalsefullName,nick".
	{
		"sooperset/mcp-atlassian#419",
		`<table><tbody><tr><td><ac:structured-macro ac:name="user-profile"><ac:parameter ac:name="hidden">false</ac:parameter><ac:parameter ac:name="fields">fullName,nick</ac:parameter></ac:structured-macro></td><td><strong>Lead</strong></td></tr></tbody></table>`,
		"| | |\n| --- | --- |\n| <!-- confluence:user-profile hidden=\"false\" fields=\"fullName,nick\" --> | **Lead** |",
	},
	// Mentions vanish.
	{
		"sooperset/mcp-atlassian#3",
		`<p>Ask <ac:link><ri:user ri:account-id="70121:ab" /></ac:link>!</p>`,
		"Ask [@70121:ab](confluence-user:70121:ab)!",
	},
	// Code loses its fence and indentation, and gains its parameters.
	{
		"sooperset/mcp-atlassian#1527",
		`<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">text</ac:parameter><ac:parameter ac:name="linenumbers">true</ac:parameter><ac:plain-text-body><![CDATA[indented
  body]]></ac:plain-text-body></ac:structured-macro>`,
		"```text\nindented\n  body\n```",
	},
	// HTML parsers make comments of CDATA, and the code is gone.
	{
		"epam/dm.ai#501",
		`<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[graph TD; A-->B]]></ac:plain-text-body></ac:structured-macro>`,
		"```\ngraph TD; A-->B\n```",
	},
	// A CDATA section that holds the end of one is written as two.
	{
		"hardisgroupcom/sfdx-hardis#2151",
		`<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[a[b[0]]]]><![CDATA[>c]]></ac:plain-text-body></ac:structured-macro>`,
		"```\na[b[0]]>c\n```",
	},
	// The body of a Markdown macro is skipped.
	{
		"Spenhouet/confluence-markdown-exporter#143",
		`<ac:structured-macro ac:name="markdown"><ac:plain-text-body><![CDATA[## Own]]></ac:plain-text-body></ac:structured-macro>`,
		"```markdown\n## Own\n```",
	},
	// Bars in cells make columns.
	{
		"Spenhouet/confluence-markdown-exporter#108",
		`<table><tr><th>Header</th></tr><tr><td>Value | with | bars</td></tr></table>`,
		"| Header |\n| --- |\n| Value \\| with \\| bars |",
	},
	// What merged cells say is lost in all rows but the first.
	{
		"Spenhouet/confluence-markdown-exporter#292",
		`<table><tr><td>Staging</td><td rowspan="2">Cluster A</td></tr><tr><td>Test</td></tr></table>`,
		"<table>\n<tr>\n<td>\n\nStaging\n\n</td>\n<td rowspan=\"2\">\n\nCluster A\n\n</td>\n</tr>\n<tr>\n<td>\n\nTest\n\n</td>\n</tr>\n</table>",
	},
	// Layouts become tables.
	{
		"Spenhouet/confluence-markdown-exporter#94",
		`<ac:structured-macro ac:name="section"><ac:rich-text-body><ac:structured-macro ac:name="column"><ac:rich-text-body><p>a</p></ac:rich-text-body></ac:structured-macro><ac:structured-macro ac:name="column"><ac:rich-text-body><p>b</p></ac:rich-text-body></ac:structured-macro></ac:rich-text-body></ac:structured-macro>`,
		"a\n\nb",
	},
	// Text in angle brackets is taken for HTML, and isn't seen.
	{
		"Spenhouet/confluence-markdown-exporter#196",
		`<p>Replace &lt;placeholder&gt; by yours, where 1 &lt; 2.</p>`,
		"Replace \\<placeholder> by yours, where 1 < 2.",
	},
	// Attachments come as "[]()".
	{
		"Spenhouet/confluence-markdown-exporter#98",
		`<p><ac:image><ri:attachment ri:filename="my_picture.jpg" /></ac:image><ac:link><ri:attachment ri:filename="my file.zip" /></ac:link></p>`,
		"![my_picture.jpg](confluence-attachment:my_picture.jpg)[my file.zip](confluence-attachment:my%20file.zip)",
	},
	// Images by address, not by attachment, are left out.
	{
		"Spenhouet/confluence-markdown-exporter#24",
		`<ac:image ac:alt="chart"><ri:url ri:value="https://example.com/c.png?x=1" /></ac:image>`,
		"![chart](https://example.com/c.png?x=1)",
	},
	// Lists in cells break the table.
	{
		"outline/outline#10334",
		`<table><tr><td><ul><li>first</li><li>second</li></ul></td></tr></table>`,
		"<table>\n<tr>\n<td>\n\n- first\n- second\n\n</td>\n</tr>\n</table>",
	},
	// The lines of a cell run into each other.
	{
		"langchain-ai/langchain#26089",
		`<table><tr><td><p>This is a text</p><p>This is the second line</p></td></tr></table>`,
		"<table>\n<tr>\n<td>\n\nThis is a text\n\nThis is the second line\n\n</td>\n</tr>\n</table>",
	},
	// The state of tasks is lost.
	{
		"outline/outline#9386",
		`<ac:task-list><ac:task><ac:task-status>complete</ac:task-status><ac:task-body>First</ac:task-body></ac:task><ac:task><ac:task-status>incomplete</ac:task-status><ac:task-body>Second</ac:task-body></ac:task></ac:task-list>`,
		"- [x] First\n- [ ] Second",
	},
	// Assignee and due date are in the body of a task.
	{
		"justmiles/go-markdown2confluence#56",
		`<ac:task-list>
<ac:task>
<ac:task-id>1</ac:task-id>
<ac:task-status>incomplete</ac:task-status>
<ac:task-body><span class="placeholder-inline-tasks">Text <ac:link><ri:user ri:account-id="1df8" /></ac:link>  <time datetime="2022-11-02" /> </span></ac:task-body>
</ac:task>
</ac:task-list>`,
		"- [ ] Text [@1df8](confluence-user:1df8) 2022-11-02",
	},
	// Code in lists ends the list.
	{
		"outline/outline#9789",
		`<ol><li><p>Run</p><ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[x]]></ac:plain-text-body></ac:structured-macro></li><li><p>Wait</p></li></ol>`,
		"1. Run\n\n   ```\n   x\n   ```\n\n2. Wait",
	},
	// Nested lists lose a line break, and their nesting.
	{
		"highsource/confluence-to-markdown-converter#7",
		`<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>`,
		"- a\n  - b\n- c",
	},
	// Entities of XHTML are unknown to XML.
	{
		"sjones4/confluence-to-github#1",
		`<p>F&uuml;r &ldquo;sie&rdquo; &hellip; &euro;</p>`,
		"Für “sie” … €",
	},
	// So are the prefixes.
	{
		"highsource/confluence-to-markdown-converter#2",
		`<ac:link></ac:link>`,
		"<!-- confluence:ac:link -->",
	},
	// Dates are an attribute, and come out as nothing.
	{
		"hallowelt/migrate-confluence#96",
		`<p>By <time datetime="2024-02-29" />.</p>`,
		"By 2024-02-29.",
	},
	// Macros without the parameter that their form needs leave "**** ".
	{
		"pchuri/confluence-cli#140",
		`<ac:structured-macro ac:name="anchor"></ac:structured-macro><ac:structured-macro ac:name="panel"><ac:parameter ac:name="title"></ac:parameter><ac:rich-text-body><p>body</p></ac:rich-text-body></ac:structured-macro>`,
		"<!-- confluence:anchor -->\n\n> body",
	},
	// A title of an expand is lost, a table of contents leaves its settings as text.
	{
		"178inaba/cflio#54",
		`<ac:structured-macro ac:name="toc"><ac:parameter ac:name="minLevel">2</ac:parameter></ac:structured-macro><ac:structured-macro ac:name="expand"><ac:parameter ac:name="title">More</ac:parameter><ac:rich-text-body><p>text</p></ac:rich-text-body></ac:structured-macro>`,
		"<!-- confluence:toc minLevel=\"2\" -->\n\n**More**\n\ntext",
	},
	// Third-party macros hold JSON, and parameters that are empty.
	{
		"hunyadi/md2conf#158",
		`<ac:structured-macro ac:name="confluence-mermaid-macro"><ac:parameter ac:name="zoom"/><ac:parameter ac:name="theme">default</ac:parameter><ac:plain-text-body><![CDATA[[{"body":"pie title Pets\n"}]]]></ac:plain-text-body></ac:structured-macro>`,
		"<!-- confluence:confluence-mermaid-macro zoom=\"\" theme=\"default\" -->\n\n```\n[{\"body\":\"pie title Pets\\n\"}]\n```",
	},
	// HTML of macros stays in the Markdown.
	{
		"aqueeb/confluence2md#5",
		`<div class="history"><span style="color: red;">changed</span> <font color="red">today</font></div>`,
		"changed today",
	},
	// White space within emphasis makes asterisks of it.
	{
		"tradik/wpexporter#50",
		`<p>Project <em><strong>name </strong></em>is here, <strong> too</strong>.</p>`,
		"Project **_name_** is here, **too**.",
	},
	// So does a space that doesn't break.
	{
		"jarontai/html2md#50",
		`<p><strong>Text&nbsp;</strong>after</p>`,
		"**Text**\u00a0after",
	},
	// White space that is all of an element joins the words around it.
	{
		"xberg-io/html-to-markdown#502",
		"<p><b>Alpha</b><b><span>\n</span></b><b>Beta</b></p>",
		"**Alpha Beta**",
	},
	// An empty cell is left out, and those after it move.
	{
		"chunpu/markdown2confluence#26",
		`<table><tr><th>A</th><th>B</th><th>C</th></tr><tr><td>d</td><td> </td><td>f</td></tr></table>`,
		"| A | B | C |\n| --- | --- | --- |\n| d | | f |",
	},
}

func TestReported(t *testing.T) {
	for _, r := range reported {
		t.Run(r.issue, func(t *testing.T) {
			got, err := Convert([]byte(r.storage))
			if err != nil || string(got) != r.want {
				t.Errorf("got, %v:\n%s\nwant:\n%s", err, got, r.want)
			}
		})
	}
}

// TestGitHub converts what GitHub's own renderer, cmark-gfm, takes otherwise than goldmark, with
// which the other tests render: the words of 6,000 random bodies come out of both.
func TestGitHub(t *testing.T) {
	for body, want := range map[string]string{
		// It sees addresses within words, and takes a backslash for a part of one.
		`<p>w1https://a.b/c<br/>d</p>`:   "w1<https://a.b/c>\\\nd",
		`<p>https://a.b/c&lt;b&gt;</p>`:  `<https://a.b/c>\<b>`,
		`<p>https://a.b/c<em>d</em></p>`: `<https://a.b/c>*d*`,
		// It looks behind the tildes for what is beside an asterisk.
		`<p><strong>[l]</strong><del>✅ x</del></p>`: `<strong>\[l\]</strong>~~✅ x~~`,
	} {
		if got, err := Convert([]byte(body)); err != nil || string(got) != want {
			t.Errorf("%s gives %q, %v; want %q", body, got, err, want)
		}
	}
}
