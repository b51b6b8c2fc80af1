package web

import (
	"context"
	"errors"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// standing is what a page says of an article beyond what its publisher said.
type standing struct {
	Gone   time.Time // when it was seen to have been taken out of its feed; zero where it was not
	Held   bool      // it is in no live feed yet
	Newer  bool      // its newest revision is not
	Back   bool      // it came from its publisher's archive
	Others []other
}

// other is the same article as another source has it.
type other struct {
	URL    string
	Title  string
	Source link
}

// standing looks up how an article stands, and who else published it.
func (s *site) standing(ctx context.Context, id feed.ID) (standing, error) {
	known, err := s.archive.Standing(ctx, id)
	if err != nil {
		return standing{}, err
	}
	st := standing{
		Gone:  known.Gone,
		Held:  known.Held && known.Live == 0,
		Newer: known.Held && known.Live != 0,
		Back:  known.Back && known.Live == 0,
	}
	for _, twin := range known.Twins {
		a, err := s.archive.Article(ctx, twin)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return st, err
		}
		sources, err := s.sources(ctx, []feed.Article{a})
		if err != nil {
			return st, err
		}
		st.Others = append(st.Others, other{s.prefix + articlePath(twin), title(&a), sources[a.Source]})
	}
	return st, nil
}
