package feed_test

import (
	"testing"

	"github.com/backissue/backissue/feed"
)

// TestFingerprintOfText is the rule of what a change of a text is, by examples.
func TestFingerprintOfText(t *testing.T) {
	for name, test := range map[string]struct {
		old, next string
		same      bool
	}{
		"words":                     {"<p>one two</p>", "<p>one three</p>", false},
		"a word cut in two":         {"<p>Text</p>", "<p>Te xt</p>", false},
		"paragraphs":                {"<p>one</p><p>two</p>", "<div>one</div>\n<div>two</div>", true},
		"paragraphs run together":   {"<p>one</p><p>two</p>", "<p>onetwo</p>", false},
		"emphasis":                  {"<p>one <b>two</b></p>", "<p>one <em>two</em></p>", true},
		"struck out":                {"<p>one two</p>", "<p>one <del>two</del></p>", false},
		"white space":               {"<p>one two</p>", " <p>one&nbsp;\n two </p>", true},
		"soft hyphens":              {"<p>newspaper</p>", "<p>news&shy;pa\u00adper</p>", true},
		"spelling of a character":   {"it’s", "it&#8217;s", true},
		"spelling by name":          {"it’s", "it&rsquo;s", true},
		"in hexadecimal":            {"it’s", "it&#x2019;s", true},
		"typewriter's quotes":       {"“it’s…”", "\"it's...\"", true},
		"other entities":            {"Zürich &amp; Genève", "Z&uuml;rich & Gen&#232;ve", true},
		"another character":         {"1 &lt; 2", "1 &gt; 2", false},
		"escaped markup":            {"&lt;b&gt;", "<b>", false},
		"an unknown entity":         {"a &unheard; b", "a &unseen; b", false},
		"attributes":                {`<p class="a" id="x" style="color:red">one</p>`, `<p data-y="2">one</p>`, true},
		"a > in an attribute":       {`<p title="a > b">one</p>`, `<p>one</p>`, true},
		"comments":                  {"one<!-- cached 12:01 -->", "one<!-- cached 12:02 -->", true},
		"scripts":                   {"one<script>a<b</script>", "one<script>c</script>", true},
		"styles":                    {"<style>a{}</style>one", "one", true},
		"an empty element":          {"one", `one<span id="more-31"></span><div class="x"></div>`, true},
		"a comparison":              {"1 < 2", "1 > 2", false},
		"where a link leads":        {`<a href="https://e.org/a">x</a>`, `<a href="https://e.org/b">x</a>`, false},
		"the end of a link":         {`<a href="https://e.org/a">x</a> y`, `<a href="https://e.org/a">x y</a>`, true},
		"tracking in a link":        {`<a href="https://e.org/a?id=1">x</a>`, `<a href="https://e.org/a?id=1&amp;utm_source=rss">x</a>`, true},
		"a parameter of a link":     {`<a href="https://e.org/a?id=1">x</a>`, `<a href="https://e.org/a?id=2">x</a>`, false},
		"a link's scheme and slash": {`<a href="https://e.org/a/">x</a>`, `<a href='http://www.e.org/a'>x</a>`, true},
		"a link that shows nothing": {`one`, `one <a class="share" href="https://e.org/share?url=x" title="Share"></a>`, true},
		"a counter of comments": {`one <a href="https://e.org/a#comments">3 comments</a>`,
			`one <a href="https://e.org/a#comments">12 comments</a>`, true},
		"a text about comments": {`one <a href="https://e.org/a">3 comments</a>`, `one <a href="https://e.org/a">12 comments</a>`, false},
		"a picture":             {`<img src="https://e.org/a.jpg">`, `<img src="https://e.org/b.jpg">`, false},
		"a picture gone":        {`one <img src="https://e.org/a.jpg">`, `one`, false},
		"a picture's size": {`<img src="https://e.org/a-1024x768.jpg" width="1024" srcset="x 1w" loading="lazy">`,
			`<img src="https://e.org/a-300x225.jpg" sizes="100vw">`, true},
		"a picture's token":      {`<img src="https://e.org/a.jpg?token=1&amp;w=300">`, `<img src="https://e.org/a.jpg?token=2">`, true},
		"orders to a CDN":        {`<img src="https://e.org/w_300,c_limit/a.jpg">`, `<img src="https://e.org/w_1456,c_limit/a.jpg">`, true},
		"a picture by number":    {`<img src="https://e.org/i.php?id=1&amp;w=3">`, `<img src="https://e.org/i.php?id=2&amp;w=3">`, false},
		"its size by number":     {`<img src="https://e.org/i.php?id=1&amp;w=3">`, `<img src="https://e.org/i.php?id=1&amp;w=4">`, true},
		"a pixel":                {`one`, `one<img src="https://stats.e.org/p.gif?r=123" width="1" height="1" alt="">`, true},
		"a picture loaded late":  {`<img src="https://e.org/a.jpg">`, `<img src="data:image/gif;base64,R0" data-src="https://e.org/a.jpg"><noscript><img src="https://e.org/a.jpg"></noscript>`, true},
		"an advertisement":       {`<iframe src="https://ads.e.org/cm?ref=1"></iframe>`, `<iframe src="https://ads.e.org/cm?ref=2"></iframe>`, true},
		"a frame":                {`<iframe src="https://v.e.org/embed/1"></iframe>`, `<iframe src="https://v.e.org/embed/2"></iframe>`, false},
		"an unfinished tag":      {`one <a href="`, `one <a href="x`, true},
		"an unfinished comment":  {`one <!-- `, `one <!-- two`, true},
		"a stray quotation mark": {`<p class=">one</p>`, `<p class=">two</p>`, false},
	} {
		t.Run(name, func(t *testing.T) {
			old, next := feed.Article{Content: test.old}, feed.Article{Content: test.next}
			if got := feed.Fingerprint(&old) == feed.Fingerprint(&next); got != test.same {
				t.Errorf("%q and %q: same %v, want %v", test.old, test.next, got, test.same)
			}
		})
	}
}

func TestFingerprintOfFields(t *testing.T) {
	const text = "<p>It was a dark and stormy night; the rain fell in torrents, except at intervals.</p><p>More.</p>"
	for name, test := range map[string]struct {
		edit func(*feed.Article)
		same bool
	}{
		"an excerpt cut elsewhere": {func(a *feed.Article) {
			a.Summary = `It was a dark and stormy night; the rain fell in torrents, except &#8230; <a href="https://e.org">Read on</a>`
		}, true},
		"a summary of its own":      {func(a *feed.Article) { a.Summary = "A night in London is told of." }, false},
		"a title's quotes":          {func(a *feed.Article) { a.Title = "The “Night”" }, true},
		"a title":                   {func(a *feed.Article) { a.Title = "The Nights" }, false},
		"order of tags":             {func(a *feed.Article) { a.Tags[0], a.Tags[1] = a.Tags[1], a.Tags[0] }, true},
		"a tag":                     {func(a *feed.Article) { a.Tags[0].Term = "day" }, false},
		"link's tracking":           {func(a *feed.Article) { a.Link += "?utm_campaign=x&fbclid=y" }, true},
		"link's scheme and slash":   {func(a *feed.Article) { a.Link = "http://www.e.org/a/" }, true},
		"link's parameter":          {func(a *feed.Article) { a.Link += "?page=2" }, false},
		"enclosure's signature":     {func(a *feed.Article) { a.Enclosures[0].URL += "?Expires=1&Signature=x" }, true},
		"enclosure":                 {func(a *feed.Article) { a.Enclosures[0].URL = "https://e.org/b.mp3" }, false},
		"image's size":              {func(a *feed.Article) { a.Images[0].URL = "https://e.org/600x400/i.png?v=3" }, true},
		"the way to its comments":   {func(a *feed.Article) { a.Links = []feed.Link{{Rel: "replies", Href: "https://e.org/c"}} }, true},
		"a related page":            {func(a *feed.Article) { a.Links = []feed.Link{{Rel: "related", Href: "https://e.org/c"}} }, false},
		"text moved to the summary": {func(a *feed.Article) { a.Content, a.Summary = "", a.Content }, false},
	} {
		t.Run(name, func(t *testing.T) {
			article := func() feed.Article {
				return feed.Article{
					Title: `The "Night"`, Content: text, Summary: "It was a dark and stormy night; the rain fell in torrents [&#8230;]",
					Link: "https://e.org/a", Tags: []feed.Tag{{Term: "night"}, {Term: "rain"}},
					Enclosures: []feed.Enclosure{{URL: "https://e.org/a.mp3"}}, Images: []feed.Image{{URL: "https://e.org/300x200/i.png?v=2"}},
				}
			}
			old, next := article(), article()
			test.edit(&next)
			if got := feed.Fingerprint(&old) == feed.Fingerprint(&next); got != test.same {
				t.Errorf("same %v, want %v", got, test.same)
			}
		})
	}
}

// FuzzFingerprint gives it what no publisher would send.
func FuzzFingerprint(f *testing.F) {
	for _, s := range []string{"", "<", "<a", "<a href", "<a href=", "<a href='x", "</", "<!--", "&", "&#", "&#x;", "<script>", "</a></a>",
		"<a href=x><a href=y></a>", "<img src=//?&&=x width=1>", "<img src=https://e.org/-1x1.jpg>", "\xe2", "\xc2\xa0\xef"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := feed.Article{Title: s, Content: s, Summary: s + "…", Link: s, Enclosures: []feed.Enclosure{{URL: s}}}
		b := a
		b.Content = " " + s + " "
		if feed.Fingerprint(&a) != feed.Fingerprint(&b) {
			t.Errorf("white space around %q is a change", s)
		}
	})
}
