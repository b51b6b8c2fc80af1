package feed_test

import (
	"strings"
	"testing"

	"github.com/backissue/backissue/feed"
)

// BenchmarkFingerprint takes the fingerprint of an article of 5 kB, as markup of a common blog.
func BenchmarkFingerprint(b *testing.B) {
	a := seen()
	a.Summary = "<p>What the article is about, in a sentence or two &#8212; as feeds have it.</p>"
	a.Content = strings.Repeat(`<p class="has-text">Plain words stand here, with <em>some</em> of them set apart &#8211; and a <a href="https://example.org/page?id=7">link</a> or two, so that it&rsquo;s like what publishers send.</p>
<figure class="wp-block-image"><img loading="lazy" width="1024" height="768" src="https://cdn.example.org/2026/03/picture-1024x768.jpg" alt="A picture" srcset="https://cdn.example.org/2026/03/picture-300x225.jpg 300w"/></figure>
`, 10)
	b.SetBytes(int64(len(a.Content)))
	for b.Loop() {
		feed.Fingerprint(&a)
	}
}

// BenchmarkFingerprintPlain takes that of one whose text is words alone.
func BenchmarkFingerprintPlain(b *testing.B) {
	a := seen()
	a.Content = "<p>" + strings.Repeat("Plain words stand here, and nothing else but them. ", 100) + "</p>"
	b.SetBytes(int64(len(a.Content)))
	for b.Loop() {
		feed.Fingerprint(&a)
	}
}
