package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// units of a size, the largest binary one first: IEC 80000-13 for the binary
// ones, SI for the decimal ones.
var units = []struct {
	name  string
	bytes int64
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"B", 1},
}

func unitNames() string {
	names := make([]string, len(units))
	for i, u := range units {
		names[i] = u.name
	}
	return strings.Join(names, ", ")
}

// parseSize reads "64KiB", "64 KiB", "64kB" or "65536" as a number of bytes.
func parseSize(s string) (int64, error) {
	number, per := s, int64(1)
	for _, u := range units {
		if before, ok := strings.CutSuffix(s, u.name); ok {
			number, per = strings.TrimSuffix(before, " "), u.bytes
			break
		}
	}
	n, err := parseInt(number)
	switch {
	case errors.Is(err, errTooLarge):
		return 0, err
	case err != nil:
		return 0, errors.New("is not a size")
	case n > math.MaxInt64/per:
		return 0, errTooLarge
	case n < 0:
		return 0, errTooSmall
	}
	return n * per, nil
}

// formatSize writes n in the largest binary unit that leaves a whole number.
func formatSize(n int64) string {
	for _, u := range units[:3] {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
