package origin

import (
	"net/http"
	"strings"
)

// types are the content types of common file name extensions (IANA media
// types; text with its charset). The table is our own because
// mime.TypeByExtension also reads the machine's tables, and an answer must not
// depend on the machine.
var types = map[string]string{
	"7z":          "application/x-7z-compressed",
	"aac":         "audio/aac",
	"atom":        "application/atom+xml; charset=utf-8",
	"avif":        "image/avif",
	"bin":         "application/octet-stream",
	"bmp":         "image/bmp",
	"br":          "application/x-brotli",
	"bz2":         "application/x-bzip2",
	"css":         "text/css; charset=utf-8",
	"csv":         "text/csv; charset=utf-8",
	"deb":         "application/vnd.debian.binary-package",
	"eot":         "application/vnd.ms-fontobject",
	"epub":        "application/epub+zip",
	"flac":        "audio/flac",
	"gif":         "image/gif",
	"gz":          "application/gzip",
	"htm":         "text/html; charset=utf-8",
	"html":        "text/html; charset=utf-8",
	"ico":         "image/x-icon",
	"ics":         "text/calendar; charset=utf-8",
	"jpeg":        "image/jpeg",
	"jpg":         "image/jpeg",
	"js":          "text/javascript; charset=utf-8",
	"json":        "application/json",
	"jsonld":      "application/ld+json",
	"jxl":         "image/jxl",
	"log":         "text/plain; charset=utf-8",
	"m3u8":        "application/vnd.apple.mpegurl",
	"m4a":         "audio/mp4",
	"m4s":         "video/iso.segment",
	"map":         "application/json",
	"md":          "text/markdown; charset=utf-8",
	"mjs":         "text/javascript; charset=utf-8",
	"mov":         "video/quicktime",
	"mp3":         "audio/mpeg",
	"mp4":         "video/mp4",
	"mpd":         "application/dash+xml",
	"oga":         "audio/ogg",
	"ogg":         "audio/ogg",
	"ogv":         "video/ogg",
	"opus":        "audio/ogg",
	"otf":         "font/otf",
	"pdf":         "application/pdf",
	"png":         "image/png",
	"rss":         "application/rss+xml; charset=utf-8",
	"svg":         "image/svg+xml",
	"tar":         "application/x-tar",
	"tgz":         "application/gzip",
	"tif":         "image/tiff",
	"tiff":        "image/tiff",
	"toml":        "application/toml",
	"ts":          "video/mp2t",
	"ttf":         "font/ttf",
	"txt":         "text/plain; charset=utf-8",
	"vtt":         "text/vtt; charset=utf-8",
	"wasm":        "application/wasm",
	"wav":         "audio/wav",
	"weba":        "audio/webm",
	"webm":        "video/webm",
	"webmanifest": "application/manifest+json",
	"webp":        "image/webp",
	"woff":        "font/woff",
	"woff2":       "font/woff2",
	"xhtml":       "application/xhtml+xml; charset=utf-8",
	"xml":         "application/xml",
	"xz":          "application/x-xz",
	"yaml":        "application/yaml",
	"yml":         "application/yaml",
	"zip":         "application/zip",
	"zst":         "application/zstd",
}

// contentType is the content type of a file by its name, or, if the table
// does not have the extension, by its first bytes (WHATWG MIME Sniffing; 512
// are enough).
func contentType(name string, head []byte) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	if dot := strings.LastIndexByte(base, '.'); dot >= 0 {
		if t, ok := types[strings.ToLower(base[dot+1:])]; ok {
			return t
		}
	}
	return http.DetectContentType(head)
}
