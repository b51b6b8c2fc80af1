// Package feed says what an article is, when two are the same and when one has changed.
//
// It is the ground floor: plain values and pure functions, no I/O and no clock. Everything that
// the archive holds is one of three things:
//
//   - an [Article], one entry of a feed or one text, in one of its revisions;
//   - a [Source], where articles come from: a subscription that is polled, or the origin of
//     imported files;
//   - a tag, known by its [TagKey] however it is spelled.
//
// Sub-packages read and write formats: parse, document and opml read, render writes, and markup
// makes foreign HTML fit to be shown.
package feed
