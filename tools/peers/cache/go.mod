module github.com/e0ac7cd4/hotpath/tools/peers/cache

go 1.26.0

require (
	github.com/e0ac7cd4/hotpath v0.0.0
	github.com/maypok86/otter/v2 v2.4.0
)

require github.com/hashicorp/golang-lru/v2 v2.0.7 // indirect

replace github.com/e0ac7cd4/hotpath => ../../..
