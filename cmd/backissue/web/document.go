package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// document is what goes out under one path: a feed in one format, a page, a list. All but its
// encodings and the edition that it was checked against is made once and never changes.
//
// A document without a body is one whose validators are known, which is all that a reader needs to
// hear who has it already.
type document struct {
	path     string
	class    *class
	tag      string // opaque part of the entity tags, before the encoding's suffix
	modified time.Time
	body     []byte

	etags        [encodings][]string // header values, ready to go out
	lastModified []string
	links        []string // the Link field, if there is one

	checked atomic.Uint64 // the archive's edition at which the document was last found current
	encode  sync.Mutex    // held while another encoding is made
	wires   [encodings]atomic.Pointer[wire]
	weight  int64 // what the cache has counted for it; the cache's lock guards it
}

// wire is a document in one encoding.
type wire struct {
	encoding encoding
	body     []byte
	length   []string
}

// newDocument returns a document with its identity encoding. A zero modified means that no date is
// told; a nil body that there is none yet.
func newDocument(path string, c *class, tag string, modified time.Time, body []byte) *document {
	d := &document{path: path, class: c, tag: tag, modified: modified.UTC().Truncate(time.Second), body: body}
	for e := range encodings {
		d.etags[e] = []string{`"` + tag + e.tagSuffix() + `"`}
	}
	if !modified.IsZero() {
		d.lastModified = []string{d.modified.Format(http.TimeFormat)}
	}
	if body != nil {
		d.wires[identity].Store(&wire{identity, body, []string{strconv.Itoa(len(body))}})
	}
	return d
}

// bytes estimates what the document takes in memory.
func (d *document) bytes() int64 {
	n := int64(1024 + len(d.path)) // headers, bookkeeping
	for e := range encodings {
		if w := d.wires[e].Load(); w != nil && w.encoding == e {
			n += int64(cap(w.body))
		}
	}
	return n
}

// send answers a request with the document, or with 304 where the reader has it. It reports false,
// and has sent nothing, if it would take a body that is not there.
func (s *site) send(w http.ResponseWriter, r *http.Request, d *document) bool {
	want := negotiate(r.Header["Accept-Encoding"])
	h := w.Header()
	if e, ok := d.unmodified(r.Header, want); ok {
		put(h, d.class.always)
		h["Etag"] = d.etags[e]
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	if d.body == nil {
		return false
	}
	out := s.wire(d, want)
	put(h, d.class.always)
	put(h, d.class.full)
	h["Etag"] = d.etags[out.encoding]
	h["Content-Length"] = out.length
	if d.lastModified != nil {
		h["Last-Modified"] = d.lastModified
	}
	if d.links != nil {
		h["Link"] = d.links
	}
	if out.encoding != identity {
		h["Content-Encoding"] = d.class.codings[out.encoding]
	}
	if d.class.status != http.StatusOK {
		w.WriteHeader(d.class.status)
	}
	if r.Method != http.MethodHead {
		w.Write(out.body) // a reader who hangs up has told us all there is to know
	}
	return true
}

// wire returns the document in an encoding, which is made at its first use and kept. Where
// encoding gains nothing that is the identity.
func (s *site) wire(d *document, e encoding) *wire {
	if w := d.wires[e].Load(); w != nil {
		return w
	}
	d.encode.Lock()
	defer d.encode.Unlock()
	if w := d.wires[e].Load(); w != nil {
		return w
	}
	w := d.wires[identity].Load()
	if body := s.press.encode(d.body, e); len(body) < len(d.body) {
		w = &wire{e, body, []string{strconv.Itoa(len(body))}}
	}
	d.wires[e].Store(w)
	s.cache.weigh(d)
	return w
}

// unmodified reports whether the reader's copy is the document as it is now (RFC 9110 §13.2.2),
// and in which encoding. The tag of any encoding will do, since they all change at once.
func (d *document) unmodified(h http.Header, want encoding) (encoding, bool) {
	if tags, ok := h["If-None-Match"]; ok {
		return d.noneMatch(tags, want)
	}
	since := h["If-Modified-Since"]
	if len(since) != 1 || d.lastModified == nil {
		return want, false
	}
	if since[0] == d.lastModified[0] {
		return want, true
	}
	t, err := http.ParseTime(since[0])
	return want, err == nil && !d.modified.After(t)
}

// noneMatch reads the lists of entity tags in If-None-Match fields and compares them weakly. If
// several match, the encoding that the reader asks for now is preferred.
func (d *document) noneMatch(fields []string, want encoding) (encoding, bool) {
	found, ok := want, false
	for _, list := range fields {
		for list != "" {
			var tag string
			tag, list = cutTag(list)
			if tag == "*" {
				return want, true
			}
			suffix, is := strings.CutPrefix(tag, d.tag)
			if !is {
				continue
			}
			for e := range encodings {
				if suffix == e.tagSuffix() && (!ok || e == want) {
					found, ok = e, true
				}
			}
		}
	}
	return found, ok
}

// cutTag cuts the first entity tag off a list and returns its opaque part and the rest. Quotes that
// a client has lost are not missed.
func cutTag(list string) (tag, rest string) {
	list = strings.TrimLeft(list, " \t,")
	quoted := strings.TrimPrefix(list, "W/")
	if !strings.HasPrefix(quoted, `"`) {
		tag, rest, _ = strings.Cut(list, ",")
		return strings.TrimRight(tag, " \t"), rest
	}
	tag, rest, _ = strings.Cut(quoted[1:], `"`)
	return tag, rest
}

// fingerprint returns what sets two things apart of which the parts are all that matters. It fits
// into an entity tag and a file name.
func fingerprint(parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}
