module github.com/sessbench/sessbench/examples/track-record

go 1.26.0

require (
	github.com/google/uuid v1.6.0
	github.com/puzpuzpuz/xsync/v4 v4.5.0
	github.com/sessbench/sessbench v0.0.0
)

require (
	github.com/dchest/siphash v1.1.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
)

require (
	example.invalid/alphadose/haxmap-1.2.0 v0.0.0
	example.invalid/cornelk/hashmap-1.0.1 v0.0.0
	example.invalid/im7mortal/kmutex-1.0.2 v0.0.0
	example.invalid/puzpuzpuz/xsync-1.0.0 v0.0.0
	example.invalid/puzpuzpuz/xsync-1.0.1 v0.0.0
	example.invalid/puzpuzpuz/xsync-3.0.0 v0.0.0
	example.invalid/puzpuzpuz/xsync-3.0.1 v0.0.0
	github.com/HdrHistogram/hdrhistogram-go v1.4.0 // indirect
	github.com/aclements/go-moremath v0.0.0-20210112150236-f10218a38794 // indirect
	github.com/alicebob/miniredis/v2 v2.40.0 // indirect
	github.com/alphadose/haxmap v1.4.1
	github.com/anishathalye/porcupine v1.3.1 // indirect
	github.com/bytedance/gopkg v0.1.4
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/clipperhouse/displaywidth v0.10.0 // indirect
	github.com/clipperhouse/uax29/v2 v2.6.0 // indirect
	github.com/cornelk/hashmap v1.0.8
	github.com/fatih/color v1.18.0 // indirect
	github.com/fsnotify/fsnotify v1.9.0 // indirect
	github.com/go-viper/mapstructure/v2 v2.4.0 // indirect
	github.com/google/pprof v0.0.0-20261105003125-4bf881d7fb0b // indirect
	github.com/hashicorp/golang-lru/v2 v2.0.7
	github.com/im7mortal/kmutex v1.0.1
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/itchyny/gojq v0.12.19 // indirect
	github.com/itchyny/timefmt-go v0.1.9 // indirect
	github.com/jellydator/ttlcache/v3 v3.4.1
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.22 // indirect
	github.com/mattn/go-runewidth v0.0.19 // indirect
	github.com/maypok86/otter/v2 v2.4.0
	github.com/mhmtszr/concurrent-swiss-map v1.0.9
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/olekukonko/cat v0.0.0-20250911104152-50322a0618f6 // indirect
	github.com/olekukonko/errors v1.2.0 // indirect
	github.com/olekukonko/ll v0.1.6 // indirect
	github.com/olekukonko/tablewriter v1.1.5 // indirect
	github.com/orcaman/concurrent-map/v2 v2.0.1
	github.com/patrickmn/go-cache v2.1.0+incompatible
	github.com/pelletier/go-toml/v2 v2.2.4 // indirect
	github.com/puzpuzpuz/xsync v1.0.2
	github.com/puzpuzpuz/xsync/v3 v3.0.2
	github.com/redis/go-redis/v9 v9.23.0 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	github.com/sagikazarmark/locafero v0.11.0 // indirect
	github.com/schollz/progressbar/v3 v3.19.1 // indirect
	github.com/sourcegraph/conc v0.3.1-0.20240121214520-5f936abd7ae8 // indirect
	github.com/spf13/afero v1.15.0 // indirect
	github.com/spf13/cast v1.10.0 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	github.com/spf13/viper v1.21.0 // indirect
	github.com/subosito/gotenv v1.6.0 // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5
	golang.org/x/exp v0.0.0-20261113113407-e3970619a1a4 // indirect
	golang.org/x/perf v0.0.0-20260908200009-22c9c6c9d4da // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/term v0.47.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	mvdan.cc/sh/v3 v3.14.1 // indirect
)

replace github.com/sessbench/sessbench => ../..

replace example.invalid/cornelk/hashmap-1.0.1 => github.com/cornelk/hashmap v1.0.1

replace example.invalid/im7mortal/kmutex-1.0.2 => github.com/im7mortal/kmutex v1.0.2

replace example.invalid/puzpuzpuz/xsync-1.0.0 => github.com/puzpuzpuz/xsync v1.0.0

replace example.invalid/puzpuzpuz/xsync-1.0.1 => github.com/puzpuzpuz/xsync v1.0.1

replace example.invalid/puzpuzpuz/xsync-3.0.0 => github.com/puzpuzpuz/xsync/v3 v3.0.0

replace example.invalid/puzpuzpuz/xsync-3.0.1 => github.com/puzpuzpuz/xsync/v3 v3.0.1

replace example.invalid/alphadose/haxmap-1.2.0 => github.com/alphadose/haxmap v1.2.0
