package publish

import (
	"context"
	"errors"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// pageOfLog is how many revisions are read at a time.
const pageOfLog = 500

// articles names the pages of the articles that are new or have changed: those that the logs of the
// sources say came in, and those that something has happened to.
func (p *publisher) articles(ctx context.Context, feeds []store.Feed, changes uint64, paths chan<- []string) error {
	lengths := make(map[string]uint64, len(p.had.Sources))
	for name, length := range p.had.Sources {
		lengths[name] = length
	}
	for i := range feeds {
		f := &feeds[i]
		if f.Kind != store.Source {
			continue
		}
		if err := p.arrivals(ctx, f, lengths[f.Name], paths); err != nil {
			return err
		}
		lengths[f.Name] = f.Length
	}
	p.next.Sources = lengths
	return p.changed(ctx, changes, paths)
}

// arrivals names the pages of what a source has brought since its log had the given length.
func (p *publisher) arrivals(ctx context.Context, f *store.Feed, from uint64, paths chan<- []string) error {
	for from < f.Length && ctx.Err() == nil {
		log, err := p.Archive.Log(ctx, f.Ref, from, int(min(pageOfLog, f.Length-from)))
		if err != nil {
			return err
		}
		if len(log) == 0 {
			return nil
		}
		from += uint64(len(log))
		revisions := make(map[feed.ID]int, len(log))
		for i := range log {
			a := &log[i]
			revisions[a.ID] = max(revisions[a.ID], a.Revision+1)
			if a.Twin != 0 {
				revisions[a.Twin] = max(revisions[a.Twin], 1) // whose page names its twins
			}
		}
		for id, n := range revisions {
			paths <- web.ArticlePaths(id, n)
		}
	}
	return nil
}

// counterparts names the pages of an article's twins, which name the article unless it is withdrawn.
func (p *publisher) counterparts(ctx context.Context, id feed.ID, paths chan<- []string) error {
	standing, err := p.Archive.Standing(ctx, id)
	if err != nil {
		return err
	}
	for _, twin := range standing.Twins {
		paths <- web.ArticlePaths(twin, 1)
	}
	return nil
}

// changed names the pages of the articles to which something has happened since the last time.
func (p *publisher) changed(ctx context.Context, last uint64, paths chan<- []string) error {
	if p.had.Format == 0 {
		return nil // all of them have been named
	}
	met := make(map[feed.ID]bool)
	for last > p.had.Changes && ctx.Err() == nil {
		changes, err := p.Archive.Changes(ctx, last+1, pageOfLog)
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			return nil
		}
		for _, c := range changes {
			if last = c.N - 1; c.N <= p.had.Changes {
				continue
			}
			if c.Kind == store.Withdrawn || c.Kind == store.Restored {
				p.rewritten = true
				if err := p.counterparts(ctx, c.Article, paths); err != nil {
					return err
				}
			}
			if met[c.Article] {
				continue
			}
			met[c.Article] = true
			a, err := p.Archive.Article(ctx, c.Article)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			paths <- web.ArticlePaths(a.ID, a.Revision+1)
		}
	}
	return nil
}
