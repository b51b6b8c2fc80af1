package opml

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Write writes a list as OPML 2.0 in UTF-8. Feeds of one first tag stand in one folder, where the
// first of them stood; further tags go into the category attribute. The same list always gives the
// same bytes. What [Read] makes of them is the list again, as long as each address stands in it
// once and no tag after the first holds a comma, which category cannot express: it is written as a
// blank.
func Write(w io.Writer, title string, feeds []Outline) error {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<opml version=\"2.0\">\n  <head>\n    <title>")
	_ = xml.EscapeText(&b, []byte(title)) // a buffer takes everything
	b.WriteString("</title>\n  </head>\n  <body>\n")
	writeBody(&b, feeds)
	b.WriteString("  </body>\n</opml>\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write opml: %w", err)
	}
	return nil
}

func writeBody(b *bytes.Buffer, feeds []Outline) {
	if len(feeds) == 0 {
		// The standard wants at least one outline in a body.
		b.WriteString("    <outline text=\"No feeds\"/>\n")
	}
	folders := make(map[string][]Outline)
	for _, o := range feeds {
		if folder := folderOf(o); folder != "" {
			folders[folder] = append(folders[folder], o)
		}
	}
	for _, o := range feeds {
		folder := folderOf(o)
		if folder == "" {
			writeFeed(b, "    ", o, o.Tags)
			continue
		}
		inside := folders[folder]
		if inside == nil {
			continue // written with the first of its folder
		}
		b.WriteString("    <outline")
		writeAttr(b, "text", folder)
		b.WriteString(">\n")
		for _, o := range inside {
			writeFeed(b, "      ", o, o.Tags[1:])
		}
		b.WriteString("    </outline>\n")
		folders[folder] = nil
	}
}

func folderOf(o Outline) string {
	if len(o.Tags) == 0 {
		return ""
	}
	return strings.TrimSpace(o.Tags[0])
}

func writeFeed(b *bytes.Buffer, indent string, o Outline, tags []string) {
	title := o.Title
	if strings.TrimSpace(title) == "" {
		title = o.URL
	}
	kind := o.Type
	if kind == "" {
		kind = "rss" // "rss" stands for any feed in OPML
	}
	b.WriteString(indent + "<outline")
	writeAttr(b, "text", title)
	writeAttr(b, "title", title)
	writeAttr(b, "type", kind)
	writeAttr(b, "xmlUrl", o.URL)
	writeAttr(b, "htmlUrl", o.Home)
	writeAttr(b, "category", joinCategories(tags))
	b.WriteString("/>\n")
}

// joinCategories is the reverse of [categories] for tags.
func joinCategories(tags []string) string {
	var kept []string
	for _, tag := range tags {
		tag = strings.Trim(strings.ReplaceAll(tag, ",", " "), "/ ")
		if tag != "" {
			kept = append(kept, tag)
		}
	}
	return strings.Join(kept, ",")
}

// writeAttr writes an attribute that has a value.
func writeAttr(b *bytes.Buffer, name, value string) {
	if value == "" {
		return
	}
	b.WriteString(" " + name + `="`)
	_ = xml.EscapeText(b, []byte(value)) // a buffer takes everything
	b.WriteString(`"`)
}
