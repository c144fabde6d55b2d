// Verifies exports of a lightproof ledger with the transparency-log libraries of the Go project alone: signed notes and
// RFC 6962 trees are read by golang.org/x/mod/sumdb/note and tlog, as any tool of that ecosystem reads them.
//
// Each line of the standard input is a JSON document; each line of the answer is "whole" or what is wrong.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Folder    string `json:"folder"`    // an export
	Key       string `json:"key"`       // C2SP verifier key
	Witnessed string `json:"witnessed"` // a checkpoint kept elsewhere
	Proof     *proof `json:"proof"`     // or one entry with its proof
}

type proof struct {
	Index      int64    `json:"index"`
	Line       string   `json:"line"`
	Proof      [][]byte `json:"proof"`
	Checkpoint string   `json:"checkpoint"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var asked question
		err := json.Unmarshal(in.Bytes(), &asked)
		if err == nil {
			err = answer(asked)
		}
		if err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("whole")
		}
	}
}

func answer(asked question) error {
	verifier, err := note.NewVerifier(strings.TrimSpace(asked.Key))
	if err != nil {
		return err
	}
	if asked.Proof != nil {
		return record(asked.Proof, verifier)
	}
	return export(asked.Folder, asked.Witnessed, verifier)
}

func record(shown *proof, verifier note.Verifier) error {
	tree, err := checkpoint(shown.Checkpoint, verifier)
	if err != nil {
		return err
	}
	path := make(tlog.RecordProof, len(shown.Proof))
	for place, hash := range shown.Proof {
		if copy(path[place][:], hash) != len(path[place]) {
			return errors.New("a hash of another length")
		}
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, shown.Index, tlog.RecordHash([]byte(shown.Line)))
}

func export(folder, witnessed string, verifier note.Verifier) error {
	entries, err := os.ReadFile(filepath.Join(folder, "entries.ndjson"))
	if err != nil {
		return err
	}
	stored, size, err := hashes(entries)
	if err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(folder, "checkpoints", "*"))
	if err != nil {
		return err
	}
	signed := []string{witnessed}
	for _, path := range append(paths, filepath.Join(folder, "checkpoint")) {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		signed = append(signed, string(text))
	}
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for place, index := range indexes {
			if index < 0 || index >= int64(len(stored)) {
				return nil, errors.New("shorter than what was signed")
			}
			found[place] = stored[index]
		}
		return found, nil
	})
	var newest tlog.Tree
	for place, text := range signed {
		tree, err := checkpoint(text, verifier)
		if err != nil {
			return err
		}
		root, err := tlog.TreeHash(tree.N, reader)
		if err != nil {
			return err
		}
		if root != tree.Hash {
			return fmt.Errorf("not what was signed at %d", tree.N)
		}
		if place == len(signed)-1 {
			newest = tree
		}
	}
	if newest.N != size {
		return errors.New("entries that nobody signed")
	}
	for _, text := range signed {
		old, err := checkpoint(text, verifier)
		if err != nil {
			return err
		}
		if old.N > newest.N {
			return errors.New("shorter than what was signed")
		}
		if old.N == 0 {
			continue
		}
		path, err := tlog.ProveTree(newest.N, old.N, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(path, newest.N, newest.Hash, old.N, old.Hash); err != nil {
			return err
		}
	}
	return nil
}

// hashes gives what a log of these lines stores: RFC 6962 leaves and nodes, in tlog's order.
func hashes(entries []byte) (stored []tlog.Hash, size int64, err error) {
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for place, index := range indexes {
			found[place] = stored[index]
		}
		return found, nil
	})
	if len(entries) == 0 {
		return nil, 0, nil
	}
	for _, line := range bytes.Split(bytes.TrimSuffix(entries, []byte("\n")), []byte("\n")) {
		leaf := tlog.RecordHash(line)
		if bytes.HasPrefix(line, []byte("-")) {
			raw, err := hex.DecodeString(string(line[1:]))
			if err != nil || copy(leaf[:], raw) != len(leaf) {
				return nil, 0, errors.New("an erased entry without its hash")
			}
		}
		added, err := tlog.StoredHashesForRecordHash(size, leaf, reader)
		if err != nil {
			return nil, 0, err
		}
		stored = append(stored, added...)
		size++
	}
	return stored, size, nil
}

// checkpoint reads a C2SP tlog-checkpoint: origin, size, root.
func checkpoint(text string, verifier note.Verifier) (tree tlog.Tree, err error) {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tree, errors.New("another log's checkpoint")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	raw, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || copy(tree.Hash[:], raw) != len(tree.Hash) {
		return tree, errors.New("a root of another length")
	}
	return tree, nil
}
