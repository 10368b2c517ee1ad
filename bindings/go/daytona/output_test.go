package daytona

import "testing"

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
