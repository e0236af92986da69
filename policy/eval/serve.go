package eval

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/godwit/godwit/policy"
)

// Serve answers the lines of in on out until the world says that it has ended
// or in does. p nil means the policy that is [Recommended] for the world. The
// first line that cannot be understood ends it with an error that names the line.
func Serve(in io.Reader, out io.Writer, p *policy.Policy) error {
	lines := bufio.NewReaderSize(in, 1<<16)
	answers := bufio.NewWriter(out)
	encoder := json.NewEncoder(answers)
	encoder.SetEscapeHTML(false)
	var e *Evaluator
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		var answer any
		if e == nil {
			answer, err = greet(line, p, &e)
		} else {
			answer, err = e.answer(line)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if answer == nil {
			return nil
		}
		if err := encoder.Encode(answer); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		if err := answers.Flush(); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

func greet(line []byte, p *policy.Policy, e **Evaluator) (any, error) {
	h, err := parseHello(line)
	if err != nil {
		return nil, err
	}
	if *e, err = New(h, p); err != nil {
		return nil, err
	}
	return (*e).Greeting(), nil
}

// answer is nil at the end.
func (e *Evaluator) answer(line []byte) (any, error) {
	o, err := parseStep(line)
	if o == nil || err != nil {
		return nil, err
	}
	d, err := e.Step(o)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// readLine returns the next line without its end. A last line without an end is
// one too.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		whole := append([]byte(nil), line...)
		for errors.Is(err, bufio.ErrBufferFull) && len(whole) <= maxLine {
			line, err = r.ReadSlice('\n')
			whole = append(whole, line...)
		}
		line = whole
	}
	switch {
	case len(line) > maxLine:
		return nil, fmt.Errorf("is longer than %d bytes", maxLine)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return line, nil
	}
	return line, err
}
