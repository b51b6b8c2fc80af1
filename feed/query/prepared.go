package query

import (
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// Prepared is an article that is held against queries. It must not be used by several goroutines.
type Prepared struct {
	article *feed.Article
	source  *feed.Source

	head, body    string // folded; "" until they are asked for
	tags, authors []string
	tagged, wrote bool // tags and authors are there

	asked int                 // how often words were looked for
	words map[string]struct{} // of headline and text, once they are looked for often
}

// Prepare makes an article ready; see [Query.MatchPrepared]. It costs nothing by itself. The article
// must not be changed as long as the result is in use.
func Prepare(a *feed.Article, source *feed.Source) *Prepared {
	return &Prepared{article: a, source: source}
}

// headline returns the words of the headline.
func (p *Prepared) headline() string {
	if p.head == "" {
		p.head = fold(p.article.Headline())
	}
	return p.head
}

// text returns the words of the summary and the text. No phrase goes from one to the other.
func (p *Prepared) text() string {
	if p.body == "" {
		p.body = fold(markup.Text(p.article.Summary)) + "\n" + fold(markup.Text(p.article.Content))
	}
	return p.body
}

// fewWords is how many words are looked for in the text as it is, before it pays to list its words.
const fewWords = 16

// mayHave reports false of a word that is neither in the headline nor in the text.
func (p *Prepared) mayHave(word string) bool {
	if p.asked++; p.asked <= fewWords {
		return true
	}
	if p.words == nil {
		p.words = make(map[string]struct{}, len(p.text())/12)
		for _, text := range []string{p.headline(), p.text()} {
			for word := range strings.FieldsSeq(text) {
				p.words[word] = struct{}{}
			}
		}
	}
	_, has := p.words[word]
	return has
}

func (p *Prepared) tagKeys() []string {
	if !p.tagged {
		p.tagged = true
		for _, tag := range p.article.AllTags() {
			p.tags = append(p.tags, feed.TagKey(tag))
		}
	}
	return p.tags
}

func (p *Prepared) authorKeys() []string {
	if !p.wrote {
		p.wrote = true
		for _, author := range p.article.Authors {
			if key := feed.TagKey(author.String()); key != "" {
				p.authors = append(p.authors, key)
			}
		}
	}
	return p.authors
}

// wholeWord returns the first word of a phrase that must be there as it is.
func wholeWord(folded string) string {
	word, _, whole := strings.Cut(folded[1:], " ")
	if !whole {
		return ""
	}
	return word
}

// phrase returns the words of a text as they are looked for in a folded one; "" if there are none.
func phrase(text string, prefix bool) string {
	s := fold(text)
	switch {
	case strings.Trim(s, " ") == "":
		return ""
	case prefix:
		return s[:len(s)-1]
	}
	return s
}
