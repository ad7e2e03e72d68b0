package markdown

import (
	"slices"
	"strconv"
	"strings"
)

// cell is a cell of a table.
type cell struct {
	*node
	header bool
}

// table writes a table: as GFM has them where a line holds each cell, else in HTML, in whose
// cells there is Markdown again.
func (r *renderer) table(n *node) {
	r.flush()
	if r.flat > 0 {
		r.children(n)
		r.space()
		return
	}
	var rows [][]cell
	rows = r.collectRows(n, rows)
	r.flush()
	if len(rows) == 0 {
		return
	}
	if isGrid(rows) && r.grid(rows) {
		return
	}
	r.htmlTable(rows)
}

// collectRows returns the rows of a table. What lies in it outside of cells is rendered before
// it: a caption, and text that doesn't belong there.
func (r *renderer) collectRows(n *node, rows [][]cell) [][]cell {
	for c := n.first; c != nil; c = c.next {
		switch c.name {
		case "thead", "tbody", "tfoot":
			rows = r.collectRows(c, rows)
		case "tr":
			rows = append(rows, r.collectCells(c))
		default:
			r.node(c)
		}
	}
	return rows
}

func (r *renderer) collectCells(row *node) []cell {
	var cells []cell
	for c := row.first; c != nil; c = c.next {
		if c.name == "td" || c.name == "th" {
			cells = append(cells, cell{node: c, header: c.name == "th"})
		} else {
			r.node(c)
		}
	}
	return cells
}

// isGrid reports whether no cell is merged or holds blocks, and at most the first row is a row
// of headers.
func isGrid(rows [][]cell) bool {
	for i, row := range rows {
		for _, c := range row {
			if c.blocks && c.onlyParagraph() == nil || c.span("rowspan") != "" || c.span("colspan") != "" {
				return false
			}
		}
		if i > 0 && isHeaderRow(row) && len(row) > 1 {
			return false
		}
	}
	return true
}

func isHeaderRow(row []cell) bool {
	for _, c := range row {
		if !c.header {
			return false
		}
	}
	return true
}

// onlyParagraph returns the paragraph that is all of an element, nil if there is more.
func (n *node) onlyParagraph() *node {
	var only *node
	for c := n.first; c != nil; c = c.next {
		switch {
		case c.isBlank():
		case only != nil || c.name != "p" && c.name != "div" || c.blocks:
			return nil
		default:
			only = c
		}
	}
	return only
}

// span returns how many rows or columns a cell takes; empty for one.
func (n *node) span(name string) string {
	if v, err := strconv.Atoi(strings.TrimSpace(n.attr(name))); err == nil && v > 1 && v <= 65534 {
		return strconv.Itoa(v)
	}
	return ""
}

// grid writes a table in GFM. It reports false, and has written nothing, if a cell turns out to
// need more than a line.
func (r *renderer) grid(rows [][]cell) bool {
	rows = slices.DeleteFunc(rows, func(row []cell) bool { return len(row) == 0 })
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	if columns == 0 {
		return true
	}
	cells, ok := r.gatherCells(rows)
	if !ok {
		return false
	}
	r.startBlock()
	if isHeaderRow(rows[0]) {
		cells = r.gridRow(cells, len(rows[0]), columns)
		rows = rows[1:]
	} else {
		r.gridRow(nil, 0, columns)
	}
	r.startGridRow()
	r.out = append(r.out, '|')
	for range columns {
		r.out = append(r.out, " --- |"...)
	}
	for _, row := range rows {
		r.startGridRow()
		cells = r.gridRow(cells, len(row), len(row))
	}
	r.endBlock()
	return true
}

func (r *renderer) startGridRow() {
	r.out = append(r.out, '\n')
	r.startLine()
}

// gridRow writes a row of n cells in so many columns and returns the cells that come after it.
// Only the first row needs a cell for each column.
func (r *renderer) gridRow(cells [][]run, n, columns int) [][]run {
	r.out = append(r.out, '|')
	for i := range columns {
		r.out = append(r.out, ' ')
		if i < n && len(cells[i]) > 0 {
			r.out = append(r.line.appendTo(r.out, r.prefix, cells[i], inCell), ' ')
		}
		r.out = append(r.out, '|')
	}
	return cells[min(n, len(cells)):]
}

// gatherCells gathers the runs of all cells. Cells of headers that aren't in the first row have
// no form but bold text.
func (r *renderer) gatherCells(rows [][]cell) (cells [][]run, ok bool) {
	r.flat, r.cell = r.flat+1, true
	defer func() { r.flat, r.cell, r.runs = r.flat-1, false, r.runs[:0] }()
	first := isHeaderRow(rows[0])
	for i, row := range rows {
		for _, c := range row {
			style := style(0)
			if c.header && (i > 0 || !first) {
				style = strong
			}
			r.runs = r.runs[:0]
			r.styled(style, func() { r.children(c.node) })
			runs := trim(r.runs)
			if !fitsCell(runs) {
				return nil, false
			}
			cells = append(cells, runs)
		}
	}
	return cells, true
}

// fitsCell reports whether the runs can stand in a cell. Renderers differ in what they make of
// a backslash before a bar in code.
func fitsCell(runs []run) bool {
	for _, r := range runs {
		if r.kind == runBreak || r.style&code != 0 && strings.Contains(r.text, `\`) && strings.Contains(r.text, "|") {
			return false
		}
	}
	return true
}

// htmlTable writes a table in HTML. A blank line ends HTML in Markdown, and Markdown is what the
// cells hold.
func (r *renderer) htmlTable(rows [][]cell) {
	tight := r.tight
	r.tight = false
	r.startBlock()
	r.out = append(r.out, "<table>\n"...)
	for _, row := range rows {
		r.htmlLine("<tr>")
		for _, c := range row {
			r.htmlCell(c)
		}
		r.htmlLine("</tr>")
	}
	r.startLine()
	r.out = append(r.out, "</table>"...)
	r.endBlock()
	r.tight = tight
}

func (r *renderer) htmlLine(tag string) {
	r.startLine()
	r.out = append(append(r.out, tag...), '\n')
}

func (r *renderer) htmlCell(c cell) {
	r.startLine()
	r.out = append(append(r.out, '<'), c.name...)
	for _, name := range [...]string{"rowspan", "colspan"} {
		if span := c.span(name); span != "" {
			r.out = append(append(append(append(r.out, ' '), name...), `="`...), span...)
			r.out = append(r.out, '"')
		}
	}
	r.out = append(r.out, ">\n"...)
	empty := len(r.out)
	r.gap, r.lastList = gapBlank, 0
	r.children(c.node)
	r.flush()
	if len(r.out) == empty {
		r.out = append(append(append(r.out[:empty-1], "</"...), c.name...), ">\n"...)
		return
	}
	r.blankLine()
	r.htmlLine("</" + c.name + ">")
}
