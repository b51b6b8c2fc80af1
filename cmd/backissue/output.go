package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

// writeJSON writes a value for programs: indented, one value, a line feed at the end.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// marshalJSON returns a value for programs: indented, each line but the first behind a prefix.
func marshalJSON(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	if err := enc.Encode(v); err != nil {
		return nil, writing(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// writing says of an error, if it is one, what was being done.
func writing(err error) error {
	if err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	return nil
}

// columns writes rows in columns for people, some at a time, so that a list of a million is begun at once
// and never held. A column is as wide as it has had to be until then.
type columns struct {
	w      *bufio.Writer
	widths []int
}

// rows writes some more rows.
func (c *columns) rows(rows [][]string) error {
	for _, row := range rows {
		for len(c.widths) < len(row) {
			c.widths = append(c.widths, 0)
		}
		for i, cell := range row {
			c.widths[i] = max(c.widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		blank := 0 // behind the cell before
		for i, cell := range row {
			if cell != "" {
				for range blank {
					c.w.WriteByte(' ')
				}
				c.w.WriteString(cell)
				blank = 0
			}
			blank += c.widths[i] - utf8.RuneCountInString(cell) + 2
		}
		c.w.WriteByte('\n')
	}
	return writing(c.w.Flush())
}

// table writes rows in columns for people.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t "))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// plural returns "1 article" or "2 articles".
func plural[N int | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// day returns the date of a time for people, or a dash.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

// moment returns a time for people, to the minute in UTC, or a dash.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// jsonTime is a time in JSON: RFC 3339, or left out where there is none.
func jsonTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
