package scheduler

import (
	"time"

	"github.com/backissue/backissue/feed"
)

// NextDue is the plan.
func NextDue(s *feed.Source, at time.Time, fresh time.Duration, err error) time.Time {
	return nextDue(s, answer{at: at, fresh: fresh, err: err})
}

// Addresses is what the owner may have meant.
var Addresses = addresses
