package report

import (
	"io"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// ticksPerHalf is how many percentiles stand between one and the one half as
// far from 100: HdrHistogram's own default.
const ticksPerHalf = 5

// HDR writes the percentiles of the response times in HdrHistogram's text form,
// in milliseconds, as its plotters read it.
func HDR(w io.Writer, r *measure.Run) error {
	_, err := r.Total.Latency().Histogram().PercentilesPrint(w, ticksPerHalf, float64(time.Millisecond))
	return err
}
