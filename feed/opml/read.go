package opml

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"

	"github.com/backissue/backissue/feed"
)

// Bounds of a list that is believed. The largest lists in the wild hold a few thousand feeds in
// folders three or four deep; a program may have made a larger one.
const (
	maxSize  = 256 << 20
	maxDepth = 64
	maxFeeds = 2_000_000
	maxTags  = 64 // of one feed
)

// Read returns the feeds of a list in document order. Outlines without xmlUrl are folders, and
// their names become tags of the feeds inside; comments (isComment) are left out with all that they
// hold. A feed that the list names several times is returned once, where it stood first, with the
// tags of all its places.
//
// Read takes what programs really write: any charset, attribute names in any case, bare ampersands
// and "<", the entities of HTML. It expands no entity that the list itself declares. A list that is
// no OPML, breaks off, is badly nested or too large gives an [*Error]; the feeds before that line
// are returned with it.
func Read(r io.Reader) ([]Outline, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read opml: %w", err)
	}
	if len(data) > maxSize {
		return nil, &Error{Line: 1, What: fmt.Sprintf("the list is larger than %d MB", maxSize>>20)}
	}
	l := list{line: 1, at: make(map[string]int)}
	err = l.read(decode(data))
	return l.feeds, err
}

// declared finds the charset in an XML declaration.
var declared = regexp.MustCompile(`(?i)^\s*<\?xml[^>]*\sencoding\s*=\s*["']\s*([-\w.:]+)`)

// decode returns the list in valid UTF-8. A byte order mark is believed before the declaration, the
// declaration before the bytes; a charset that nobody knows is most likely UTF-8 under a wrong name.
func decode(data []byte) []byte {
	label := "utf-8"
	if m := declared.FindSubmatch(data); m != nil {
		label = string(m[1])
	}
	enc, _ := charset.Lookup(label)
	switch {
	case hasMark(data):
		enc, _, _ = charset.DetermineEncoding(data, "")
	case label == "utf-8" && !utf8.Valid(data) && declared.Find(data) == nil:
		enc = charmap.Windows1252
	}
	if enc != nil {
		if decoded, err := enc.NewDecoder().Bytes(data); err == nil {
			data = decoded
		}
	}
	return bytes.TrimPrefix(bytes.ToValidUTF8(data, []byte("\ufffd")), []byte("\ufeff"))
}

func hasMark(data []byte) bool {
	return slices.ContainsFunc([]string{"\xef\xbb\xbf", "\xfe\xff", "\xff\xfe"}, func(mark string) bool {
		return bytes.HasPrefix(data, []byte(mark))
	})
}

// list is the state of reading one list.
type list struct {
	line   int            // where the token at hand begins
	open   []element      // from the root down
	rooted bool           // <opml> has been met
	feeds  []Outline      // found so far
	at     map[string]int // index in feeds, by normal address
}

// element is an element whose end has not been met yet.
type element struct {
	name    string // local name in lower case
	folder  string // the folder's name; empty for what is no folder
	comment bool   // it or one around it is a comment
}

// read goes through the tags of a list. The tokenizer is that of HTML since all that matters stands
// in attributes, which it reads the way that people's programs spoil them; nesting is checked here.
func (l *list) read(data []byte) error {
	z := html.NewTokenizer(bytes.NewReader(data))
	z.AllowCDATA(true)
	for {
		kind := z.Next()
		lines := bytes.Count(z.Raw(), []byte("\n"))
		var err error
		switch kind {
		case html.ErrorToken: // the end: reading memory does not fail
			return l.end()
		case html.StartTagToken:
			err = l.start(z.Token())
			z.NextIsNotRawText() // <title> is an element like any other
		case html.SelfClosingTagToken:
			t := z.Token()
			if err = l.start(t); err == nil {
				err = l.close(t)
			}
			z.NextIsNotRawText()
		case html.EndTagToken:
			err = l.close(z.Token())
		}
		if err != nil {
			return err
		}
		l.line += lines
	}
}

func (l *list) broken(format string, args ...any) error {
	return &Error{Line: l.line, What: fmt.Sprintf(format, args...)}
}

func (l *list) end() error {
	switch {
	case len(l.open) > 0:
		return l.broken("the list breaks off inside <%s>", l.open[len(l.open)-1].name)
	case !l.rooted:
		return l.broken("want <opml>, got the end of the file")
	}
	return nil
}

// local returns the name of a tag without its prefix.
func local(t html.Token) string { return t.Data[strings.LastIndexByte(t.Data, ':')+1:] }

func (l *list) start(t html.Token) error {
	e := element{name: local(t)}
	switch {
	case len(l.open) == 0 && e.name != "opml":
		return l.broken("want <opml>, got <%s>", e.name)
	case len(l.open) == 0:
		l.rooted = true
	case len(l.open) == maxDepth:
		return l.broken("more than %d elements inside each other", maxDepth)
	default:
		e.comment = l.open[len(l.open)-1].comment
	}
	if e.name == "outline" {
		if err := l.outline(attributes(t), &e); err != nil {
			return err
		}
	}
	l.open = append(l.open, e)
	return nil
}

func (l *list) close(t html.Token) error {
	name := local(t)
	if len(l.open) == 0 {
		return l.broken("</%s> closes nothing", name)
	}
	if inner := l.open[len(l.open)-1].name; inner != name {
		return l.broken("want </%s>, got </%s>", inner, name)
	}
	l.open = l.open[:len(l.open)-1]
	return nil
}

// attributes returns the attributes that hold something, by their names in lower case, white space
// tidied. Of two with one name the first counts.
func attributes(t html.Token) map[string]string {
	attrs := make(map[string]string, len(t.Attr))
	for _, a := range t.Attr {
		value := strings.Join(strings.FieldsFunc(a.Val, blank), " ")
		if _, known := attrs[a.Key]; !known && value != "" {
			attrs[a.Key] = value
		}
	}
	return attrs
}

func blank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

func (l *list) outline(attrs map[string]string, e *element) error {
	e.comment = e.comment || strings.EqualFold(attrs["iscomment"], "true")
	title := attrs["text"]
	if title == "" {
		title = attrs["title"]
	}
	url := attrs["xmlurl"]
	switch {
	case url == "":
		e.folder = title
		return nil
	case e.comment:
		return nil
	case len(l.feeds) == maxFeeds:
		return l.broken("more than %d feeds", maxFeeds)
	}
	tags := append(l.folders(), categories(attrs["category"])...)
	l.add(Outline{Title: title, URL: url, Home: attrs["htmlurl"], Type: strings.ToLower(attrs["type"])}, tags)
	return nil
}

func (l *list) folders() []string {
	var names []string
	for _, e := range l.open {
		if e.folder != "" {
			names = append(names, e.folder)
		}
	}
	return names
}

// add puts a feed at the end of the list, or only its tags with those of the same feed before it.
func (l *list) add(o Outline, tags []string) {
	key := feed.NormalURL(o.URL)
	i, known := l.at[key]
	if !known {
		i = len(l.feeds)
		l.at[key] = i
		l.feeds = append(l.feeds, o)
	}
	first := &l.feeds[i]
	for _, tag := range tags {
		key := feed.TagKey(tag)
		same := func(s string) bool { return feed.TagKey(s) == key }
		if len(first.Tags) < maxTags && !slices.ContainsFunc(first.Tags, same) {
			first.Tags = append(first.Tags, tag)
		}
	}
}

// categories splits a category attribute: a list divided by commas, in which an entry with a slash
// in front ("/News/Local") is a path of categories and every other one a tag, whatever it holds
// ("TCP/IP").
func categories(attr string) []string {
	var tags []string
	for entry := range strings.SplitSeq(attr, ",") {
		entry = strings.TrimSpace(entry)
		parts := []string{entry}
		if strings.HasPrefix(entry, "/") {
			parts = strings.Split(entry, "/")
		}
		for _, part := range parts {
			if part = strings.TrimSpace(part); part != "" {
				tags = append(tags, part)
			}
		}
	}
	return tags
}
