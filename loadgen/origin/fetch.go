package origin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxCount bounds the JSON of a count: rules have paths of any length.
const maxCount = 2 << 20

// Fetch gets the count of the origin at a URL, "http://127.0.0.1:9292".
func Fetch(ctx context.Context, client *http.Client, url string) (Count, error) {
	var n Count
	url = strings.TrimRight(url, "/") + CountPath
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return n, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return n, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxCount+1))
	if err != nil {
		return n, fmt.Errorf("reading %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK || len(text) > maxCount || json.Unmarshal(text, &n) != nil || n.Rules == nil {
		return n, fmt.Errorf("%s answered %s and no count of an origin: is `loadgen origin` there?", url, resp.Status)
	}
	return n, nil
}

// Difference is what came between two counts of one origin, or an error if they
// cannot be of one.
func Difference(earlier, later Count) (Count, error) {
	if later.before(&earlier) {
		return Count{}, fmt.Errorf("it was started again meanwhile: %d requests before, %d after", earlier.Requests, later.Requests)
	}
	return later.Sub(&earlier), nil
}
