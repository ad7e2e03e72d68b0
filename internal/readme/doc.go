// Package readme keeps the documents true: its tests write the generated tables of
// docs (go test ./internal/readme -update) and fail when a table, an example
// or a link of a document no longer fits the program.
package readme
