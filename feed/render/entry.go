package render

import (
	"cmp"
	"mime"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// entry is an article made ready for every format: its texts without what XML forbids, its HTML
// clean, its addresses valid or empty.
type entry struct {
	*feed.Article
	key      string // the identity that goes out; never empty
	guid     string // the publisher's guid where it is another
	link     string // page of the article: the publisher's, or the archive's
	page     string // the archive's page of the article
	headline string // plain text; may be empty
	summary  string // clean HTML
	content  string // clean HTML, with the pictures in front
	language string
	tags     []feed.Tag // the publisher's, then the owner's
	related  []feed.Link
}

// entries returns the articles of a document, made ready. Of several with one identity distinct
// decides which stay. What an article goes out as depends on nothing but itself and the feed, so
// that it is the same in every document: one that has the guid of another source's article goes out
// under an identity of its own.
func entries(d *Document, distinct func(a *feed.Article) string) []entry {
	articles := d.listed()
	newest := make(map[string]int, len(articles))
	for i := range articles {
		k := distinct(&articles[i])
		if old, ok := newest[k]; !ok || articles[i].Seq > articles[old].Seq {
			newest[k] = i
		}
	}
	list := make([]entry, 0, len(newest))
	for i := range articles {
		if a := &articles[i]; newest[distinct(a)] == i {
			e := newEntry(a, d)
			if d.homonym(a) {
				e.renamed()
			}
			list = append(list, e)
		}
	}
	unique(list)
	return list
}

// unique gives every entry of a document an identity of its own where nobody has noticed that two
// have one: the article that came first keeps it. No document may hold one twice.
func unique(list []entry) {
	first := make(map[string]feed.ID, len(list))
	for i := range list {
		if id, ok := first[list[i].key]; !ok || list[i].ID < id {
			first[list[i].key] = list[i].ID
		}
	}
	for i := range list {
		if e := &list[i]; e.ID != first[e.key] {
			e.renamed()
		}
	}
}

// renamed lets an entry go out under an identity of its own, beside which its guid stands.
func (e *entry) renamed() {
	e.guid = cmp.Or(e.guid, e.key)
	e.key = ownIdentity(e.Article)
}

// homonym reports whether an article does not go out under its guid in this feed.
func (d *Document) homonym(a *feed.Article) bool { return a.Homonym && !d.OneSource }

// identity returns what tells an article apart from the others of the feed.
func (d *Document) identity(a *feed.Article) string {
	if d.homonym(a) {
		return ownIdentity(a)
	}
	id, _ := (&feed.Article{Key: key(a), Origin: a.Origin}).AtomID()
	return id
}

// ownIdentity returns the identity of an article whose guid another source's article has too. It is
// made of the source as well, since the two may say that they are of one origin.
func ownIdentity(a *feed.Article) string {
	source := strconv.FormatUint(uint64(a.Source), 10)
	id, _ := (&feed.Article{Key: source + " " + key(a), Origin: a.Origin}).AtomID()
	return id
}

func newEntry(a *feed.Article, d *Document) entry {
	e := entry{Article: a, key: key(a), link: markup.URL(a.Link, "")}
	if a.GUID != a.Key && strings.TrimSpace(a.GUID) != "" {
		e.guid = markup.Legible(a.GUID)
	}
	if d.ArticleURL != nil {
		e.page = markup.URL(d.ArticleURL(a.ID), "")
	}
	e.link = cmp.Or(e.link, e.page)
	e.headline = line(a.Headline())
	base := cmp.Or(a.Link, a.Origin.Home)
	e.summary = strings.TrimSpace(markup.Clean(a.Summary, base))
	e.content = strings.TrimSpace(markup.Clean(a.Content, base))
	e.content = figures(a, e.content) + e.content
	e.language = languageTag(a.Language)
	e.tags = tags(a.Tags, a.Filed)
	e.related = related(a)
	return e
}

// key returns what goes out as the article's identity: its Key, without what no format can carry.
func key(a *feed.Article) string {
	if k := markup.Legible(a.Key); strings.TrimSpace(k) != "" {
		return k
	}
	if k := markup.Legible(a.GUID); strings.TrimSpace(k) != "" {
		return k
	}
	id, _ := (&feed.Article{Key: a.ID.String() + " " + a.Link + " " + a.Title}).AtomID()
	return id
}

// figures returns the pictures and captions of an article that its content does not show itself.
func figures(a *feed.Article, content string) string {
	var b strings.Builder
	for _, img := range a.Images {
		src := markup.URL(img.URL, a.Link)
		caption := line(img.Caption)
		if strings.Contains(content, `src="`+src+`"`) {
			src = ""
		}
		if src == "" && (caption == "" || strings.Contains(content, escape(caption))) {
			continue
		}
		b.WriteString("<figure>")
		if src != "" {
			b.WriteString(`<img src="` + strings.ReplaceAll(src, "&", "&amp;") + `" alt="">`)
		}
		if caption != "" {
			b.WriteString("<figcaption>" + escape(caption) + "</figcaption>")
		}
		b.WriteString("</figure>\n")
	}
	return markup.Clean(b.String(), "")
}

// tags returns categories as published, and those under which the owner files that are not among them.
func tags(published []feed.Tag, filed []string) []feed.Tag {
	list := make([]feed.Tag, 0, len(published)+len(filed))
	seen := make(map[string]bool, cap(list))
	for _, t := range published {
		t = feed.Tag{Term: line(t.Term), Scheme: strings.TrimSpace(markup.Legible(t.Scheme)), Label: line(t.Label)}
		t.Term = cmp.Or(t.Term, t.Label)
		if t.Term == "" {
			continue
		}
		seen[feed.TagKey(t.Term)], seen[feed.TagKey(t.Label)] = true, true
		list = append(list, t)
	}
	for _, f := range filed {
		if f, k := line(f), feed.TagKey(f); f != "" && !seen[k] {
			seen[k] = true
			list = append(list, feed.Tag{Term: f})
		}
	}
	return list
}

func related(a *feed.Article) []feed.Link {
	var list []feed.Link
	for _, r := range a.Related {
		if u := markup.URL(r.Link, a.Link); u != "" {
			title := (&feed.Article{Kicker: r.Kicker, Title: r.Title}).Headline()
			list = append(list, feed.Link{Href: u, Rel: "related", Title: line(title)})
		}
	}
	return list
}

// maxStandIn is how much of a text stands in for a title or a summary, in runes.
const (
	standInTitle   = 80
	standInSummary = 300
)

// title returns the headline, or in its place the beginning of the text, or the date. It is never
// empty.
func (e *entry) title() string {
	if e.headline != "" {
		return e.headline
	}
	if t := cut(e.text(), standInTitle); t != "" {
		return t
	}
	if w := e.When(); writable(w) {
		return w.UTC().Format(time.DateOnly)
	}
	return cmp.Or(e.link, line(e.key))
}

// text returns the article's text on one line.
func (e *entry) text() string {
	t := line(markup.Text(e.summary))
	if t == "" {
		t = line(markup.Text(e.content))
	}
	return t
}

// published returns the date by which readers sort: the publisher's, or when the article came in.
func (e *entry) published() time.Time {
	if writable(e.Published) {
		return e.Published
	}
	return e.When()
}

// modified returns when the article last changed.
func (e *entry) modified() time.Time {
	for _, t := range []time.Time{e.Modified, e.Updated, e.Published, e.Seen} {
		if writable(t) {
			return t
		}
	}
	return time.Time{}
}

// writable reports whether a time can be written in the formats' date syntaxes, which have four
// digits for the year.
func writable(t time.Time) bool {
	y := t.UTC().Year()
	return !t.IsZero() && 1 <= y && y <= 9999
}

func rfc3339(t time.Time) string {
	if !writable(t) {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func rfc822(t time.Time) string {
	if !writable(t) {
		return ""
	}
	return t.UTC().Format(time.RFC1123Z)
}

// line returns plain text on one line, without what XML forbids.
func line(s string) string { return strings.Join(strings.Fields(markup.Legible(s)), " ") }

// cut returns the beginning of a text, up to n runes, ended between two words.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	end := 0
	for i := range s {
		if n--; n < 0 {
			end = i
			break
		}
	}
	s = s[:end]
	if i := strings.LastIndexByte(s, ' '); i > len(s)/2 {
		s = s[:i]
	}
	return strings.TrimRight(s, " ,;:.-–—") + "…"
}

// languageTag returns a BCP 47 tag in the spelling that feeds use, or "" for what is none.
func languageTag(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "_", "-")
	if s == "" {
		return ""
	}
	tag, err := language.Parse(s)
	if err != nil {
		return ""
	}
	base, rest, _ := strings.Cut(s, "-")
	switch {
	case len(base) < 2, len(base) > 3, strings.EqualFold(base, "und"):
		return ""
	case len(base) == 3:
		// Feeds know the languages of ISO 639-2; "cmn" is Chinese to them.
		tag, _ = language.Macro.Canonicalize(tag) // what it cannot do leaves the tag as it was
	}
	if known, _ := tag.Base(); !strings.EqualFold(known.String(), base) {
		return strings.TrimSuffix(known.String()+"-"+rest, "-")
	}
	return s
}

// web returns an address where it is one of the web, else "".
func web(u string) string {
	if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		return u
	}
	return ""
}

// mediaType returns a media type fit to be written, guessed from the address where the given one is
// not, and fallback where that tells nothing.
func mediaType(given, address, fallback string) string {
	given = strings.TrimSpace(given)
	if t, _, err := mime.ParseMediaType(given); err == nil {
		if major, minor, ok := strings.Cut(t, "/"); ok && isToken(major) && isToken(minor) {
			return t
		}
	}
	address, _, _ = strings.Cut(address, "?")
	address, _, _ = strings.Cut(address, "#")
	switch strings.ToLower(path.Ext(address)) {
	case ".mp3":
		return "audio/mpeg"
	case ".m4a", ".m4b":
		return "audio/mp4"
	case ".ogg", ".oga", ".opus":
		return "audio/ogg"
	case ".wav":
		return "audio/wav"
	case ".flac":
		return "audio/flac"
	case ".mp4", ".m4v":
		return "video/mp4"
	case ".mov":
		return "video/quicktime"
	case ".webm":
		return "video/webm"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".pdf":
		return "application/pdf"
	case ".epub":
		return "application/epub+zip"
	case ".torrent":
		return "application/x-bittorrent"
	}
	return fallback
}

// isToken reports whether s is one half of a media type (RFC 6838 §4.2, without its rarest signs).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isWord(r) && r != '.' && r != '+' && r != '-' })
}

// email returns an e-mail address fit to be written, or "".
func email(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := cutPrefixFold(s, "mailto:"); ok {
		s = rest
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || !strings.Contains(domain, ".") {
		return ""
	}
	for _, r := range local {
		if !isWord(r) && !strings.ContainsRune("-+.'!#$%&*/=?^`{|}~", r) {
			return ""
		}
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || strings.HasPrefix(label, "-") || strings.Trim(label, domainLetters) != "" {
			return ""
		}
	}
	return s
}

const domainLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

func isWord(r rune) bool {
	return 'a' <= r|0x20 && r|0x20 <= 'z' && r < 0x80 || '0' <= r && r <= '9' || r == '_'
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
