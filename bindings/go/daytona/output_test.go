package daytona

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/libdaytona/libdaytona/bindings/go/api"
)

func TestTextThatItsReaderWasBehindComesWithoutMoreText(t *testing.T) {
	outlet := newOutlet(func(text string) string { return text })
	const texts = 3 * outletMessages
	for range texts {
		outlet.put("x")
	}
	for all := ""; len(all) < texts; {
		all += <-outlet.to
	}
	for range texts {
		outlet.put("y")
	}
	outlet.close()
	rest := 0
	for text := range outlet.to {
		rest += len(text)
	}
	if rest != texts {
		t.Errorf("%d texts of %d", rest, texts)
	}
}

func TestTextComesInWholeCharactersHoweverItIsCut(t *testing.T) {
	for _, sent := range []string{"aé你🦀b", "\xff\x80\x80\x80\x80b\xe4\xbd"} {
		for size := 1; size <= len(sent); size++ {
			all := ""
			pieces := func(yield func(api.Chunk, error) bool) {
				for piece := range slices.Chunk([]byte(sent), size) {
					yield(api.Chunk{Bytes: piece}, nil)
				}
			}
			texts(pieces, func(_ api.Channel, text string) error {
				if utf8.ValidString(sent) && !utf8.ValidString(text) {
					t.Errorf("%q in pieces of %d", text, size)
				}
				all += text
				return nil
			})
			if all != sent {
				t.Errorf("%q in pieces of %d", all, size)
			}
		}
	}
}
