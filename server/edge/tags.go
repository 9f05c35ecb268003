package edge

import (
	"slices"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/purge"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// tagsOf are the tags that the fields of an answer give it, and that of its URL.
func (f *fetch) tagsOf(fields []hpack.Field) []purge.Tag {
	tags, ok := f.edge.store.Purges().Tags(site.Host(f.request.Authority), fields)
	if !ok {
		if withheld, ok := f.edge.failed.Allow("tags", time.Now()); ok {
			f.edge.log.Warn("a response has too many tags: the purge of any tag is about it", "site", f.site.Name,
				"host", f.request.Authority, "path", f.request.Path, "allowed", purge.MaxTags, "withheld", withheld)
		}
	}
	asked := &message.Request{Authority: f.request.Authority, Path: f.request.Path} // whatever fields are in the key
	if key, ok := f.site.AppendKeyBy(nil, asked, nil); ok {
		tags = append(tags, f.edge.store.Purges().URL(string(key)))
	}
	return slices.Clone(tags) // without the room that they grew into: it is not counted
}

// invalidateOthers purges what is stored of resources that have changed under other
// keys than their own: the answers to QUERYs, if any was stored, and those for other
// fields and cookies that are in the site's keys. It is found by its URL.
func (f *fetch) invalidateOthers(keys []string) {
	if !f.edge.queried.Load() && !f.site.Named() {
		return
	}
	rules := make([]purge.Rule, len(keys))
	for i, key := range keys {
		rules[i] = purge.Tagged(f.edge.store.Purges().URL(key))
	}
	f.edge.store.Purge(false, rules...)
}

// invalidateGroups purges the groups that the answer to an unsafe request names, of
// its own host (RFC 9875 §3).
func (f *fetch) invalidateGroups() {
	rules := f.edge.store.Purges().GroupRules(site.Host(f.request.Authority), f.head.Fields)
	if len(rules) > 0 {
		f.edge.store.Purge(false, rules...)
		f.edge.metrics.Purges.Add(f.edge.stripe, metrics.PurgeGroup, uint64(len(rules)-1)) // less that for whatever has too many
	}
}

// outdated reports whether what a flight fetches has changed or was purged since it
// began. Its tags are not known before its head is there; see suits.
func (e *Edge) outdated(key string, fl *flight) bool {
	return e.changes.since(key, fl.began) || e.store.Purges().Judge(key, fl.decision.tags, fl.purged).Effect != purge.None
}
