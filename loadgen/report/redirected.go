package report

import (
	"fmt"
	"net/http"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// redirectedMuch is the share of answers that lead elsewhere from which a reader has to
// know: a site has a few of them, a target that was mistyped has nothing else.
const redirectedMuch = 0.01

// redirected is a sentence on answers that lead elsewhere, "" if hardly any did. They
// count as successes, as vegeta has them, but what was measured is not what stands
// there. 304 leads nowhere: it is what was asked for (RFC 9110 §15.4.5).
func redirected(t *measure.Tally) string {
	n := uint64(0)
	for status := http.StatusMultipleChoices; status < http.StatusBadRequest; status++ {
		if status != http.StatusNotModified {
			n += t.Statuses[status]
		}
	}
	if n == 0 || float64(n) < redirectedMuch*float64(t.Answered()) {
		return ""
	}
	return fmt.Sprintf("%s of %s answers are redirects, which are not followed: they count as successes.", human.Count(n), human.Count(t.Answered()))
}
