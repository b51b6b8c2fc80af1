package bolt_test

import (
	"flag"
	"testing"

	"github.com/backissue/backissue/store/storetest"
)

var benchSources = flag.Int("sources", 10_000, "how many sources the archive of BenchmarkSources has")

func BenchmarkSources(b *testing.B) { storetest.BenchSources(b, open, *benchSources) }
