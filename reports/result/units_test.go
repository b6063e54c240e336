package result

import "testing"

func TestFormats(t *testing.T) {
	tests := []struct{ why, got, want string }{
		{"nothing took no time", FormatNs(0), "0 ns"},
		{"nanoseconds are whole", FormatNs(12), "12 ns"},
		{"three digits", FormatNs(812), "812 ns"},
		{"the last nanosecond", FormatNs(999), "999 ns"},
		{"microseconds", FormatNs(1_000), "1.00 µs"},
		{"zeros at the end are digits, too", FormatNs(50_000), "50.0 µs"},
		{"rounding up goes on to the next unit", FormatNs(999_600), "1.00 ms"},
		{"but not before", FormatNs(999_400), "999 µs"},
		{"milliseconds", FormatNs(1_074_000), "1.07 ms"},
		{"rounding up drops a decimal", FormatNs(9_996_000), "10.0 ms"},
		{"seconds", FormatNs(12_340_000_000), "12.3 s"},
		{"no unit beyond the second", FormatNs(4_321_000_000_000), "4321 s"},

		{"no rate", FormatRate(0), "0"},
		{"a slow one", FormatRate(9.87), "9.87"},
		{"a whole one", FormatRate(998), "998"},
		{"below one", FormatRate(0.0123), "0.0123"},
		{"thousands", FormatRate(91_234), "91.2k"},
		{"rounding up to thousands", FormatRate(999.7), "1.00k"},
		{"millions", FormatRate(1_234_567), "1.23M"},
		{"billions", FormatRate(2.5e12), "2500G"},

		{"bytes", FormatBytes(812), "812 B"},
		{"1024 bytes", FormatBytes(1024), "1.00 KiB"},
		{"kibibytes", FormatBytes(1234), "1.21 KiB"},
		{"mebibytes", FormatBytes(4 << 20), "4.00 MiB"},

		{"a small count", FormatCount(999), "999"},
		{"commas", FormatCount(1_234_567), "1,234,567"},
		{"a negative count", FormatCount(-123_456), "-123,456"},
		{"a whole amount", FormatAmount(12), "12"},
		{"a ten", FormatAmount(10), "10"},
		{"next to nothing", FormatAmount(0.004), "0"},
		{"decimals", FormatAmount(3.25), "3.25"},

		{"a large ratio", FormatRatio(81.3), "81×"},
		{"a very large one", FormatRatio(1234.5), "1,235×"},
		{"one above", FormatRatio(1.02), "1.02×"},
		{"one below", FormatRatio(0.97), "0.97×"},
		{"rounding up to ten", FormatRatio(9.996), "10×"},
		{"a hundredth", FormatRatio(0.0123), "0.012×"},
		{"a range", FormatRatioRange(80.2, 85.4), "80–85×"},
		{"a narrow range", FormatRatioRange(98.1, 98.4), "98–98×"},

		{"most of it", FormatShare(0.981), "98%"},
		{"a hundredth of it", FormatShare(0.0099), "1.0%"},
		{"more than all of it", FormatShare(1.12), "112%"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.why, tt.got, tt.want)
		}
	}
}
