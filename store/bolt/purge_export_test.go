package bolt

import "github.com/backissue/backissue/feed"

// Steps has f hear of each step of the purges of an archive.
func (d *DB) Steps(f func(step string)) { d.steps = f }

// MayHold reports whether a purge of an article takes what was received for something that may hold it.
func MayHold(body []byte, articles ...feed.Article) bool {
	var n needles
	for i := range articles {
		n.add(&articles[i])
	}
	return n.in(newHay(body))
}
