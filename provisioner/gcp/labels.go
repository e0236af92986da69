package gcp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/gcp/template"
)

// Labels by which instances and disks are known. Values that Google would not
// take are escaped, long ones continue in a second label.
const (
	labelPrefix       = template.LabelPrefix
	labelInstallation = labelPrefix + "installation"
	labelCluster      = labelPrefix + "cluster"
	labelNode         = labelPrefix + "node"
	labelToken        = labelPrefix + "token"
	maxLabel          = 63
)

// instanceName is derived from owner and token: what makes a launch happen once.
func instanceName(owner provisioner.Owner, token string) string {
	sum := sha256.Sum256([]byte(owner.Installation + "\x00" + owner.Cluster + "\x00" + token))
	return labelPrefix + hex.EncodeToString(sum[:16])
}

// requestID is a UUID that the words always give.
func requestID(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: of one's own making
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// escape writes any text in letters that labels take: what is not a lower-case
// letter, digit or hyphen becomes _ and two hexadecimal digits.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String()
}

func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '_' && i+2 < len(text) {
			if c, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// put writes a value of any length: key, key-2, key-3 …
func put(labels map[string]string, key, value string) {
	text := escape(value)
	for n := 1; n == 1 || text != ""; n++ {
		at := key
		if n > 1 {
			at = fmt.Sprintf("%s-%d", key, n)
		}
		part := text[:min(len(text), maxLabel)]
		labels[at], text = part, text[len(part):]
	}
}

func take(labels map[string]string, key string) string {
	text := labels[key]
	for n := 2; ; n++ {
		part, more := labels[fmt.Sprintf("%s-%d", key, n)]
		if !more {
			return unescape(text)
		}
		text += part
	}
}

// ownerLabels are those of everything that is made for an owner.
func ownerLabels(owner provisioner.Owner, nodeID string) map[string]string {
	labels := map[string]string{}
	put(labels, labelInstallation, owner.Installation)
	put(labels, labelCluster, owner.Cluster)
	put(labels, labelNode, nodeID)
	return labels
}

// instanceLabels are the owner's, the token and the tags, as far as Google can
// hold them: tags are for people and bills.
func instanceLabels(request provisioner.LaunchRequest, s template.Spec) map[string]string {
	labels := map[string]string{}
	for _, tags := range []map[string]string{s.Tags, request.Tags} {
		for key, value := range tags {
			if key = fitting(key); template.LabelKey.MatchString(key) && !strings.HasPrefix(key, labelPrefix) {
				labels[key] = fitting(value)
			}
		}
	}
	for key, value := range ownerLabels(request.Owner, request.NodeID) {
		labels[key] = value
	}
	put(labels, labelToken, request.ClientToken)
	return labels
}

// fitting makes a label of a text, nearly the same.
func fitting(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, strings.ToLower(text))
	return text[:min(len(text), maxLabel)]
}

func ownerOf(labels map[string]string) provisioner.Owner {
	return provisioner.Owner{Installation: take(labels, labelInstallation), Cluster: take(labels, labelCluster)}
}

// tagsOf are the labels that are not Godwit's own.
func tagsOf(labels map[string]string) map[string]string {
	tags := map[string]string{}
	for key, value := range labels {
		if !strings.HasPrefix(key, labelPrefix) {
			tags[key] = value
		}
	}
	return tags
}

// ownedBy is the filter that lists an owner's.
func ownedBy(owner provisioner.Owner) string {
	want := map[string]string{}
	put(want, labelInstallation, owner.Installation)
	if owner.Cluster != "" {
		put(want, labelCluster, owner.Cluster)
	}
	var b strings.Builder
	for _, key := range sortedKeys(want) {
		fmt.Fprintf(&b, `(labels.%s = "%s") `, key, want[key])
	}
	return strings.TrimSpace(b.String())
}
