package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/backissue/backissue/cmd/backissue/web"
	"github.com/backissue/backissue/scheduler"
)

// watching is what serve was asked to show its owner of how the archive is doing.
type watching struct {
	status bool
	asked  *cobra.Command // knows which flags were given
}

func (w *watching) register(c *cobra.Command) {
	c.Flags().BoolVar(&w.status, "status", false, "show to everybody what is wrong, at /status and /metrics (default: to this machine only, where the archive is not public)")
	w.asked = c
}

// ended counts a visit, whichever command had it made.
func (a *archive) ended(e scheduler.Event) {
	v := web.Visit{
		At: e.Source.Fetch.Checked, Name: e.Source.Name, Title: e.Source.DisplayTitle(), Outcome: string(e.Outcome), Status: e.Source.Fetch.Status,
		Added: e.Added, Revised: e.Revised, Held: e.Held, Gap: e.Gap, Spent: e.Spent,
	}
	if e.Err != nil {
		v.Problem = e.Err.Error()
	}
	a.counts.Visited(v)
}

// shown returns what the owner may see: nothing where others than this machine are served and that was
// not asked for.
func (w *watching) shown(a *archive, at net.Addr, public, hub bool) *web.Status {
	tcp, ok := at.(*net.TCPAddr)
	local := ok && tcp.IP.IsLoopback() && !public
	if asked := w.asked.Flags().Changed("status"); asked && !w.status || !asked && !local {
		return nil
	}
	s := &web.Status{
		Local: !w.status, Counts: &a.counts,
		Size: func() (int64, error) {
			info, err := os.Stat(filepath.Join(a.Dir, "archive.db"))
			if err != nil {
				return 0, fmt.Errorf("measure the archive: %w", err)
			}
			return info.Size(), nil
		},
	}
	if hub {
		s.Subscribers = func(ctx context.Context) (int, error) {
			all, err := a.Subscribers(ctx)
			return len(all), err
		}
	}
	return s
}
