package parse

import (
	"strconv"
	"strings"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/mmcdole/gofeed/rss"
)

// rssHead reads one child of an RSS channel (or, in RSS 1.0, of the root) that is no item.
func (r *reader) rssHead(el *element) {
	if el.space.kind != native {
		r.foreignHead(el)
		return
	}
	switch local := strings.ToLower(el.local()); local {
	case "title", "description":
		if r.slim.text(local, el.inner) && local == "title" {
			r.head.titleType = markup
		}
	case "link":
		r.rssLink(el)
	case "language", "copyright", "ttl":
		r.slim.text(local, el.inner)
	case "managingeditor":
		r.slim.text("managingEditor", el.inner)
	case "image":
		if strings.TrimSpace(el.inner) == "" {
			return // RSS 1.0: a mere pointer to the element that follows
		}
		r.slim.open("image>")
		more := false // than an address: a title, a link, a size
		eachChild(el.inner, func(t tag, inner string) {
			if strings.EqualFold(t.local(), "url") {
				r.slim.text("url", inner)
			} else {
				more = true
			}
		})
		r.slim.end("image")
		if more {
			r.src.Extra = append(r.src.Extra, extension(el))
		}
	case "category":
		text, _ := characterData(el.inner)
		if term := plainText(text, unsaid); term != "" {
			r.addCategory(feed.Tag{Term: term, Scheme: clean(strings.TrimSpace(el.attr("domain")))})
			return
		}
		r.src.Extra = append(r.src.Extra, extension(el))
	case "skiphours", "skipdays":
		r.skip(el)
		r.src.Extra = append(r.src.Extra, extension(el))
	case "items", "lastbuilddate", "pubdate":
		// The table of contents of RSS 1.0, and dates that say when the feed was generated.
	default:
		r.src.Extra = append(r.src.Extra, extension(el))
	}
}

// foreignHead reads a child of a feed's head from another vocabulary.
func (r *reader) foreignHead(el *element) {
	keep := false
	switch local := el.local(); el.space.kind {
	case atomSpace:
		switch local {
		case "link":
			r.headLink(r.atomLink(el, r.base))
		case "author":
			r.src.Authors = addPerson(r.src.Authors, personElement(el.inner))
		case "id":
			text, _ := characterData(el.inner)
			r.src.FeedID = strings.TrimSpace(text)
		case "updated":
		default:
			keep = true
		}
	case dcSpace:
		keep = !r.dcHead(local, el.inner)
	case sySpace:
		text, _ := characterData(el.inner)
		switch local {
		case "updatePeriod":
			r.head.period = strings.ToLower(strings.TrimSpace(text))
		case "updateFrequency":
			r.head.frequency = strings.TrimSpace(text)
		}
		keep = true
	case itunesSpace:
		if local == "image" {
			r.head.image = el.attr("href")
		}
		keep = true
	default:
		keep = true
	}
	if keep {
		r.src.Extra = append(r.src.Extra, extension(el))
	}
}

// dcHead reads a Dublin Core element of the head and reports whether it has a field.
func (r *reader) dcHead(local, inner string) bool {
	text, _ := characterData(inner)
	text = oneLine(text)
	switch local {
	case "language":
		r.head.language = text
	case "rights":
		r.head.rights = text
	case "creator", "author":
		r.src.Authors = addPerson(r.src.Authors, personText(text))
	case "date":
	default:
		return false
	}
	return true
}

// headLink files a link of the feed: its home, or one of its others.
func (r *reader) headLink(l feed.Link) {
	switch {
	case l.Href == "":
	case l.Rel == "" && r.head.home == "":
		r.head.home = l.Href
	default:
		r.src.Links = append(r.src.Links, l)
	}
}

func (r *reader) joinRSSHead(f *rss.Feed) {
	s := &r.src
	base := r.base
	s.Title = plainText(f.Title, r.head.titleType)
	s.Description = plainText(f.Description, unsaid)
	for _, l := range f.Links {
		if l = r.absolute(base, oneLine(l)); l == "" {
			continue
		}
		if s.Home == "" {
			s.Home = l
		} else if l != s.Home {
			s.Links = append(s.Links, feed.Link{Href: l})
		}
	}
	if s.Home == "" {
		s.Home = r.head.home
	} else if l := r.head.home; l != "" && l != s.Home {
		s.Links = append(s.Links, feed.Link{Href: l})
	}
	s.Authors = addPerson(s.Authors, personText(f.ManagingEditor))
	s.Language = firstText(f.Language, r.head.language, r.lang)
	s.Rights = firstText(plainText(f.Copyright, unsaid), r.head.rights)
	if f.Image != nil {
		s.Image = r.absolute(base, oneLine(f.Image.URL))
	}
	r.finishHead(f.TTL)
}

// finishHead settles what both vocabularies have.
func (r *reader) finishHead(ttl string) {
	s := &r.src
	if s.Image == "" {
		s.Image = r.absolute(r.base, r.head.image)
	}
	s.Fetch.TTL = minutes(ttl)
	if s.Fetch.TTL == 0 && r.head.period != "" {
		s.Fetch.TTL = updateInterval(r.head.period, r.head.frequency)
	}
	if r.twice {
		r.decodeTexts(&s.Title, &s.Description)
	}
	for _, p := range []*string{&s.Title, &s.Home, &s.Description, &s.Language, &s.Rights, &s.Image, &s.FeedID} {
		*p = clean(*p)
	}
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

// skip reads skipHours and skipDays (RSS 2.0). Hours count from 0; RSS 0.91 called midnight 24.
func (r *reader) skip(el *element) {
	eachChild(el.inner, func(t tag, inner string) {
		text, _ := characterData(inner)
		text = strings.TrimSpace(text)
		switch strings.ToLower(t.local()) {
		case "hour":
			if n, err := strconv.ParseUint(text, 10, 8); err == nil && n <= 24 {
				r.src.Fetch.Skip.Hours |= 1 << (n % 24)
			}
		case "day":
			for day := time.Sunday; day <= time.Saturday; day++ {
				if strings.EqualFold(text, day.String()) {
					r.src.Fetch.Skip.Days |= 1 << day
				}
			}
		}
	})
}

// maxTTL is the longest pause between two visits that a feed may ask for and be believed.
const maxTTL = 366 * 24 * time.Hour

func minutes(ttl string) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(ttl))
	if err != nil || n <= 0 || n > int(maxTTL/time.Minute) {
		return 0
	}
	return time.Duration(n) * time.Minute
}

// updateInterval is what the syndication module of RSS 1.0 asks for: so many updates a period.
func updateInterval(period, frequency string) time.Duration {
	var every time.Duration
	switch period {
	case "hourly":
		every = time.Hour
	case "daily":
		every = 24 * time.Hour
	case "weekly":
		every = 7 * 24 * time.Hour
	case "monthly":
		every = 30 * 24 * time.Hour
	case "yearly":
		every = 365 * 24 * time.Hour
	}
	if n, err := strconv.Atoi(frequency); err == nil && n > 0 {
		every /= time.Duration(n)
	}
	return every
}
