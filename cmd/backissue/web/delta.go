package web

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// deltaLen is how many positions of a feed's log a delta covers at most.
const deltaLen = 1000

// moment is what a feed was when a document of it went out. It stands in the document's entity tags,
// so that a reader who comes back with one can be told what is new since then (RFC 3229).
type moment struct {
	edition uint64
	length  uint64    // of the log
	changed time.Time // to the nanosecond; two archives, or one that was set back, do not share any
}

func momentOf(f store.Feed) moment { return moment{f.Edition, f.Length, changed(f)} }

// tag returns the opaque part of the entity tags of a document of the moment. It ends in a check over
// what decides the document's bytes besides: a tag of another program, or of another document, is not
// taken for one.
func (m moment) tag(salt, path string) string {
	said := strconv.FormatUint(m.edition, 36) + "." + strconv.FormatUint(m.length, 36) + "." + strconv.FormatInt(m.changed.UnixNano(), 36)
	return said + "." + fingerprint(salt, path, said)
}

// parseMoment reads what [moment.tag] wrote for the same salt and path, in any encoding.
func parseMoment(tag, salt, path string) (moment, bool) {
	for e := range encodings {
		if bare, ok := strings.CutSuffix(tag, e.tagSuffix()); ok && e != identity {
			tag = bare
			break
		}
	}
	parts := strings.Split(tag, ".")
	if len(parts) != 4 {
		return moment{}, false
	}
	edition, err1 := strconv.ParseUint(parts[0], 36, 64)
	length, err2 := strconv.ParseUint(parts[1], 36, 64)
	nanos, err3 := strconv.ParseInt(parts[2], 36, 64)
	m := moment{edition, length, time.Unix(0, nanos)}
	return m, err1 == nil && err2 == nil && err3 == nil && m.tag(salt, path) == tag
}

// feedTag is the opaque part of a feed document's entity tags: what decides its bytes.
func (s *site) feedTag(f store.Feed, format *format) string {
	return momentOf(f).tag(s.salt, path(f.Ref)+format.Ext)
}

// wantsDelta reports whether a request asks for what is new in a feed (RFC 3229 §10.5.3): A-IM lists
// the instance manipulation "feed".
func (s *site) wantsDelta(h http.Header) bool {
	if !s.deltas {
		return false
	}
	for _, line := range h["A-Im"] {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(name), "feed") && weight(params) > 0 {
				return true
			}
		}
	}
	return false
}

// had returns what the feed was when the reader came last: of several tags that are known, the newest.
func (s *site) had(h http.Header, path string) (moment, bool) {
	var newest moment
	found := false
	for _, list := range h["If-None-Match"] {
		for list != "" {
			var tag string
			tag, list = cutTag(list)
			if m, ok := parseMoment(tag, s.salt, path); ok && (!found || m.edition > newest.edition) {
				newest, found = m, true
			}
		}
	}
	return newest, found
}

// feedDelta answers with what is new in a feed, and reports false, and has sent nothing, where that
// cannot be said: then the whole document will do.
func (s *site) feedDelta(w http.ResponseWriter, r *http.Request, ref store.Ref, format *format) (bool, error) {
	path := path(ref) + format.Ext
	old, ok := s.had(r.Header, path)
	if !ok {
		return false, nil
	}
	// The same delta goes to all who came last at the same moment, and is made once where they come
	// together again.
	doc, err := s.once(r.Context(), path+"?since="+old.tag(s.salt, path), func(ctx context.Context, _ uint64) (*document, error) {
		return s.renderDelta(ctx, ref, format, old)
	})
	if err != nil || doc.body == nil {
		return false, err
	}
	return s.send(w, r, doc), nil
}

// renderDelta makes the document of what is new since a moment; one without a body where that cannot
// be said.
func (s *site) renderDelta(ctx context.Context, ref store.Ref, format *format, old moment) (*document, error) {
	path := path(ref) + format.Ext
	f, err := s.archive.Feed(ctx, ref)
	if err != nil {
		return nil, err
	}
	none := newDocument(path, format.delta, "", time.Time{}, nil)
	if old.edition >= f.Edition || old.edition < f.Reshaped || old.length >= f.Length || f.Length-old.length > deltaLen {
		return none, nil
	}
	articles, err := s.since(ctx, f, old)
	if err != nil || articles == nil {
		return none, err
	}
	d, err := s.liveDocument(ctx, f, format, articles)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := format.Write(&b, d); err != nil {
		return nil, fmt.Errorf("write %q: %w", path, err)
	}
	return newDocument(path, format.delta, s.feedTag(f, format), time.Time{}, b.Bytes()), nil
}

// since returns the articles whose live revisions stand in a feed's log since a moment, newest first;
// nil where the log is not that of the archive from which the moment is.
func (s *site) since(ctx context.Context, f store.Feed, old moment) ([]feed.Article, error) {
	log, err := s.archive.Log(ctx, f.Ref, old.length, int(f.Length-old.length))
	if err != nil || len(log) == 0 || log[0].Seen.Before(old.changed) {
		return nil, err
	}
	articles := []feed.Article{}
	for i := range log {
		standing, err := s.archive.Standing(ctx, log[i].ID)
		if err != nil {
			return nil, err
		}
		if standing.Live == log[i].Seq {
			articles = append(articles, log[i])
		}
	}
	slices.SortFunc(articles, func(a, b feed.Article) int {
		return cmp.Or(b.When().Compare(a.When()), cmp.Compare(b.Seq, a.Seq))
	})
	return articles, nil
}
