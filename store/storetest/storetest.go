// Package storetest is the proof that an engine keeps the promises of package store.
//
// An engine's test calls [Run] with a function that opens an archive of its kind; [Bench] measures
// any engine in the same way.
package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// Open opens the archive that lives in a directory, and makes it if there is none. It fails the
// test if it cannot.
type Open func(tb testing.TB, dir string) store.Store

// Run proves each promise in a subtest of its own, on an archive of its own, which must pass its
// own check at the end.
func Run(t *testing.T, open Open) {
	for _, promise := range []struct {
		name string
		test func(*harness)
	}{
		{"EmptyArchive", emptyArchive},
		{"KeepsEveryField", keepsEveryField},
		{"SameAgainAddsNothing", sameAgainAddsNothing},
		{"RevisionsAreKept", revisionsAreKept},
		{"EditedBack", editedBack},
		{"SequenceIsGapless", sequenceIsGapless},
		{"OldestFirstWithinASave", oldestFirst},
		{"LogNeverChanges", logNeverChanges},
		{"FeedsOfAnArticle", feedsOfAnArticle},
		{"LostTagLeavesTheFeed", lostTag},
		{"OneTagHoweverSpelled", oneTag},
		{"TagNamesDifferAndStay", tagNames},
		{"PagesByDate", pagesByDate},
		{"SubscriptionMissesNothing", subscriptionMissesNothing},
		{"ChangedGUIDIsAnAlias", changedGUID},
		{"SharedLinkIsNoAlias", sharedLink},
		{"ValidatorsComeWithArticles", validators},
		{"OwnersDecisionsStay", ownersDecisions},
		{"SubscriptionsFallDue", fallDue},
		{"BadBatchHarmsNoOther", badBatch},
		{"ConcurrentSaves", concurrentSaves},
		{"OneGUIDInTwoFeeds", oneGUIDInTwoFeeds},
		{"SubscribeBesideBadBatches", subscribeBesideBadBatches},
		{"LongNames", longNames},
		{"EditionsRise", editionsRise},
		{"ChangedNeverGoesBack", changedNeverGoesBack},
		{"SurvivesReopening", survivesReopening},
		{"EndedContext", endedContext},
		{"FloodIsHeld", floodIsHeld},
		{"ImportsAreNoFlood", importsAreNoFlood},
		{"RedatedFloodKeepsWhatWasLive", redatedFlood},
		{"BackIssuesAreNotNew", backIssues},
		{"GoneAndBack", goneAndBack},
		{"GapsAreNoticed", gaps},
		{"TwinsStandOnce", twins},
		{"DocumentsNeverChange", documentsNeverChange},
		{"ChangesAreNumbered", changesAreNumbered},
		{"PolicyStays", policyStays},
		{"SearchIsAFeed", searchIsAFeed},
		{"SearchFindsWhatWasThere", searchFindsWhatWasThere},
		{"SearchTakesInWhatComes", searchTakesInWhatComes},
		{"SearchLosesWhatIsEdited", searchLosesWhatIsEdited},
		{"SearchHoldsBack", searchHoldsBack},
		{"SearchRedefined", searchRedefined},
		{"SearchCutOff", searchCutOff},
		{"SearchAtWork", searchAtWork},
		{"SearchSplit", searchSplit},
		{"SearchLimited", searchLimited},
		{"SearchOfTwins", searchOfTwins},
		{"SearchOfRenamedSource", searchOfRenamedSource},
		{"SearchEnds", searchEnds},
		{"SearchEndsForGood", searchEndsForGood},
		{"SearchBesideSaves", searchBesideSaves},
		{"DocumentsHoldNothingTwice", nothingTwice},
		{"DocumentsKeepTheirTitles", documentTitles},
		{"IdentityStays", identityStays},
		{"ShelvesAreStacks", shelves},
		{"HistoryIsKept", historyIsKept},
		{"PastVersionsAreNotNew", pastVersions},
		{"TouchedMissesNothing", touched},
		{"ReshapedByWhatIsNotLogged", reshaped},
		{"HomonymsAreToldApart", homonyms},
		{"WithdrawnArticlesAreGone", withdrawnArticles},
		{"WithdrawnStaysWithdrawn", withdrawnStays},
		{"WithdrawnFromEveryStanding", withdrawnStandings},
		{"WithdrawnTwins", withdrawnTwins},
		{"WithdrawnFromSearches", withdrawnFromSearches},
		{"SubscribersAreKept", subscribersAreKept},
		{"PushIsNobodyElses", pushIsNobodyElses},
		{"PushedAgainIsNotNew", pushedAgain},
		{"TroubleIsFound", troubleIsFound},
		{"IncidentsAreTold", incidentsAreTold},
		{"GoneIsToldAtOnce", goneIsTold},
	} {
		t.Run(promise.name, func(t *testing.T) {
			h := &harness{T: t, open: open, dir: t.TempDir()}
			h.Store = open(t, h.dir)
			promise.test(h)
			faults, err := h.Check(h.Context())
			if err != nil || len(faults) > 0 {
				t.Errorf("check: %v, %q", err, faults)
			}
			if err := h.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

type harness struct {
	*testing.T
	store.Store
	open Open
	dir  string
}

// noon is when everything in these tests happens, give or take.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const upstream = "https://example.org/feed.xml"

func source() feed.Source {
	return feed.Source{URL: upstream, Title: "Example", Home: "https://example.org/"}
}

// article returns the n-th of a row of articles, an hour apart.
func article(n int, tags ...string) feed.Article {
	a := feed.Article{
		GUID: fmt.Sprint("urn:example:", n), Link: fmt.Sprint("https://example.org/", n),
		Title: fmt.Sprint("Article ", n), Content: fmt.Sprintf("<p>Text of article %d.</p>", n),
		Published: noon.Add(time.Duration(n-1000) * time.Hour), Authors: []feed.Person{{Name: "Ada"}},
	}
	a.Key = a.GUID
	for _, t := range tags {
		a.Tags = append(a.Tags, feed.Tag{Term: t})
	}
	return a
}

func articles(from, to int, tags ...string) (all []feed.Article) {
	for n := from; n < to; n++ {
		all = append(all, article(n, tags...))
	}
	return all
}

func (h *harness) save(seen time.Time, all ...feed.Article) store.Saved {
	h.Helper()
	return h.saveFrom(source(), seen, all...)
}

func (h *harness) saveFrom(s feed.Source, seen time.Time, all ...feed.Article) store.Saved {
	h.Helper()
	saved, err := h.Save(h.Context(), store.Batch{Source: s, Articles: all, Seen: seen})
	if err != nil {
		h.Fatal(err)
	}
	return saved[0]
}

// must returns the value of a call that may not fail.
func must[V any](v V, err error) func(*harness) V {
	return func(h *harness) V {
		h.Helper()
		if err != nil {
			h.Fatal(err)
		}
		return v
	}
}

func (h *harness) equal(what string, got, want any) {
	h.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		h.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (h *harness) titles(ref store.Ref) (titles []string) {
	h.Helper()
	for _, a := range must(h.Articles(h.Context(), store.Query{Ref: ref, Limit: 1000}))(h).Articles {
		titles = append(titles, a.Title)
	}
	return titles
}

func (h *harness) log(ref store.Ref) []feed.Article {
	h.Helper()
	return must(h.Log(h.Context(), ref, 0, 1<<20))(h)
}

func everything() store.Ref        { return store.Ref{Kind: store.All} }
func tagged(name string) store.Ref { return store.Ref{Kind: store.Tag, Name: name} }
