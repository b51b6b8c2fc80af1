package web

import (
	"net/url"
	"strings"

	"github.com/backissue/backissue/feed/render"
	"github.com/backissue/backissue/store"
)

// discovery returns the Link field of a live feed document, by which those who want to be told of what is new
// find the hub and the address to name there (W3C WebSub §4); nil where there is no hub.
//
// With it, an answer that is packed has a ninth field, which costs about a microsecond; see [newFeedClass].
// Such an answer carries a whole document, beside which that is little, and the readers who come again
// hear 304, which does without.
func (s *site) discovery(path string) []string {
	if len(s.hubs) == 0 {
		return nil
	}
	var b strings.Builder
	for _, hub := range s.hubs {
		b.WriteString("<" + hub + `>; rel="hub", `)
	}
	b.WriteString("<" + s.base + escaped(path) + `>; rel="self"`)
	return []string{b.String()}
}

// Topic returns the feed of which the address is that of a live document, in the one way in which the
// archive at base writes it, and the document's path, not escaped. Whether there is such a feed it does
// not know.
func Topic(base, address string) (ref store.Ref, document string, ok bool) {
	rest, ok := strings.CutPrefix(address, strings.TrimRight(base, "/"))
	if !ok {
		return ref, "", false
	}
	document, err := url.PathUnescape(rest)
	if err != nil || escaped(document) != rest {
		return ref, "", false
	}
	for _, f := range render.Formats() {
		if bare, ok := strings.CutSuffix(document, f.Ext); ok {
			ref, ok = refOf(bare)
			return ref, document, ok
		}
	}
	return ref, "", false
}

// Topics returns the addresses of the live documents of a feed, as the archive at base writes them.
func Topics(base string, ref store.Ref) (addresses []string) {
	for _, f := range render.Formats() {
		addresses = append(addresses, strings.TrimRight(base, "/")+escaped(path(ref)+f.Ext))
	}
	return addresses
}

// refOf reads what [path] wrote.
func refOf(p string) (store.Ref, bool) {
	if p == path(store.Ref{Kind: store.All}) {
		return store.Ref{Kind: store.All}, true
	}
	for _, sec := range sections() {
		name, ok := strings.CutPrefix(p, "/"+sec.Path+"/")
		if ok && name != "" && (sec.Kind == store.Search || !strings.Contains(name, "/")) && !strings.Contains(p, archiveDir) {
			return store.Ref{Kind: sec.Kind, Name: name}, true
		}
	}
	return store.Ref{}, false
}
