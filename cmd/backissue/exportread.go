package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// toFolder writes a file for each article. A file keeps its name, which ends in the article's number, however
// its title and date change; one that is right already is left alone.
func (x *exporting) toFolder(ctx context.Context, a *archive) error {
	root := x.e.path(x.folder)
	if err := os.MkdirAll(root, 0o777); err != nil {
		return err
	}
	names, err := articleFiles(root)
	if err != nil {
		return err
	}
	sources := make(map[feed.SourceID]string)
	return x.each(ctx, a, func(art *feed.Article) error {
		title, known := sources[art.Source]
		if !known {
			s, err := a.Source(ctx, art.Source)
			if err != nil {
				return err
			}
			title = s.DisplayTitle()
			sources[art.Source] = title
		}
		path := names[art.ID.String()]
		if path == "" {
			path = filepath.Join(root, art.When().UTC().Format("2006"), fileName(art))
		}
		return writeChanged(path, markdown(art, title))
	})
}

// articleFiles finds the files of a folder that are of articles, by the articles' numbers.
func articleFiles(root string) (map[string]string, error) {
	ours := regexp.MustCompile(`^\d{4}-\d\d-\d\d-(?:.*-)?(\d+)\.md$`)
	names := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if m := ours.FindStringSubmatch(d.Name()); m != nil {
				names[m[1]] = path
			}
		}
		return err
	})
	return names, err
}

// maxSlug is how many bytes of a title a file's name has at most: file systems have room for 255.
const maxSlug = 100

func fileName(a *feed.Article) string {
	slug := feed.Slug(a.Headline())
	if len(slug) > maxSlug {
		slug = strings.Trim(strings.ToValidUTF8(slug[:maxSlug], ""), "-")
	}
	return strings.ReplaceAll(a.When().UTC().Format("2006-01-02-")+slug+"-"+a.ID.String()+".md", string(filepath.Separator), "-")
}

// markdown returns an article as HTML, which Markdown is a superset of, behind its description in YAML, of
// which JSON's texts and lists are a part.
func markdown(a *feed.Article, source string) []byte {
	var b bytes.Buffer
	field := func(name string, value any) {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		fmt.Fprintf(&b, "%s: ", name)
		_ = enc.Encode(value) // texts and lists of them always can be
	}
	var authors, tags []string
	for _, p := range a.Authors {
		authors = append(authors, p.String())
	}
	for _, t := range a.Tags {
		tags = append(tags, t.String())
	}
	b.WriteString("---\n")
	field("title", a.Headline())
	field("date", a.When().UTC().Format(time.RFC3339))
	if !a.Modified.IsZero() {
		field("updated", a.Modified.UTC().Format(time.RFC3339))
	}
	for _, f := range []struct{ name, value string }{
		{"link", a.Link}, {"source", source}, {"guid", a.Key}, {"lang", a.Language},
	} {
		if f.value != "" {
			field(f.name, f.value)
		}
	}
	if len(authors) > 0 {
		field("authors", authors)
	}
	if tags = append(tags, a.Filed...); len(tags) > 0 {
		field("tags", tags)
	}
	field("backissue", a.ID.String())
	b.WriteString("---\n\n")
	b.WriteString(strings.TrimSpace(body(a)))
	b.WriteByte('\n')
	return b.Bytes()
}

// body is the text of an article as HTML without what runs.
func body(a *feed.Article) string {
	if a.Content != "" {
		return markup.Clean(a.Content, a.Link)
	}
	return markup.Clean(a.Summary, a.Link)
}

// writeChanged writes a file in one step, unless it is right already.
func writeChanged(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, data, 0o666); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// toMailbox writes a message for each article (RFC 4155).
func (x *exporting) toMailbox(ctx context.Context, a *archive, w io.Writer) error {
	identity, err := a.Identity(ctx)
	if err != nil {
		return err
	}
	return x.each(ctx, a, func(art *feed.Article) error {
		m, err := message(art, fmt.Sprintf("%x", identity[:]))
		if err != nil {
			return fmt.Errorf("article %d: %w", art.ID, err)
		}
		at := art.When().UTC()
		if at.Year() < 1970 || at.Year() > 9999 {
			at = time.Unix(0, 0).UTC() // RFC 4155 has room for four digits, and readers for no more than this
		}
		_, err = fmt.Fprintf(w, "From backissue@backissue.invalid %s\n%s\n", at.Format(time.ANSIC), m)
		return err
	})
}

// message returns an article as a message (RFC 5322), its lines ending in LF as in a mailbox.
func message(a *feed.Article, identity string) ([]byte, error) {
	from := mail.Address{Name: "backissue", Address: "backissue@backissue.invalid"}
	if len(a.Authors) > 0 {
		from.Name = line(a.Authors[0].String())
		if addr, err := mail.ParseAddress(a.Authors[0].Email); err == nil {
			from.Address = addr.Address
		}
	}
	var b bytes.Buffer
	id := fmt.Sprintf("<%d.%s@backissue.invalid>", a.ID, identity)
	parts := multipart.NewWriter(&b)
	// The boundary must not be by chance: the same article gives the same message.
	if err := parts.SetBoundary(fmt.Sprintf("=_backissue_%d_%s", a.ID, identity)); err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "From: %s\nDate: %s\nSubject: %s\nMessage-ID: %s\n", from.String(), a.When().UTC().Format(time.RFC1123Z),
		mime.QEncoding.Encode("utf-8", line(a.Headline())), id)
	if link := line(a.Link); link != "" && !strings.ContainsAny(link, " <>") {
		fmt.Fprintf(&b, "Archived-At: <%s>\n", link)
	}
	fmt.Fprintf(&b, "MIME-Version: 1.0\nContent-Type: multipart/alternative;\n boundary=\"%s\"\n\n", parts.Boundary())
	html := body(a)
	for _, alternative := range []struct{ kind, text string }{{"text/plain", markup.Text(html)}, {"text/html", html}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type": {alternative.kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return nil, err
		}
		q := quotedprintable.NewWriter(w)
		if _, err := io.WriteString(q, alternative.text); err != nil {
			return nil, err
		}
		if err := q.Close(); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	m := bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n"))
	// A line that begins like a message is said in quoted-printable, so that every reader gets back what it was.
	return bytes.ReplaceAll(m, []byte("\nFrom "), []byte("\n=46rom ")), nil
}

// line is a text in one line, as a header field must be.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }
