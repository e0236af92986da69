// The data path of the emulated link: reads IP packets from two TUN devices,
// takes each wire packet through a model of one direction (bottleneck, queue,
// policer, loss, delay) and writes it to the other device when it is due.
//
//   relay TUN_A TUN_B PAGE NAMESPACE_A NAMESPACE_B
//
// The first three are inherited descriptors, the others the ends' namespaces as
// /proc names them (net:[4026532522]). It ends at SIGTERM, which its parent's
// death sends too, and then every process that is left in the two namespaces.
//
// PAGE is a shared page: the parent writes the two directions' models into it
// and reads the counters from it while the relay runs (layout: page.go, which
// must agree with the enums below). Everything is in nanoseconds of
// CLOCK_MONOTONIC and in bytes of IP packets.
//
// It is C and a process of its own, with one thread under SCHED_FIFO,
// because a relay in Go stalls packets for tens of milliseconds when the
// machine is busy, and a stall is a thing that only the model may make.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

// One direction's model, in the page.
enum { M_RATE, M_QUEUE, M_DELAY, M_LOSS, M_BURST_MIN, M_BURST_MAX, M_JITTER, M_REORDER,
       M_POLICE, M_BUCKET, M_BLOCK, M_PMTU, M_CORRUPT, M_SEED, M_NAT, M_POLICE_EACH, M_COUNT = 16 };

// One direction's counters, in the page.
enum { C_SENT, C_SENT_BYTES, C_DELIVERED, C_DELIVERED_BYTES, C_QUEUE_DROPS, C_POLICE_DROPS, C_LOST,
       C_BLOCKED, C_TOO_BIG, C_CORRUPTED, C_WRITE_ERRORS, C_MALFORMED, C_WRITES, C_LATE_MAX,
       C_QUEUE_MAX, C_SENT_UDP, C_DELIVERED_UDP, C_COUNT = 24 }; // the last two: bytes

// The page: words 0..15 are common, then two models, two sets of counters and
// two histograms of lateness, one bucket for each 100 us.
enum { P_GENERATION, P_GRAIN, P_SCHEDULER, P_STALL_MAX, P_WAKEUPS, P_READY, P_CPU, P_COMMON = 16 };
enum { BUCKETS = 1024, BUCKET_NS = 100000 };
enum { PAGE_MODEL = P_COMMON, PAGE_COUNT = PAGE_MODEL + 2 * M_COUNT,
       PAGE_LATE = PAGE_COUNT + 2 * C_COUNT, PAGE_WORDS = PAGE_LATE + 2 * BUCKETS };

static volatile u64 *page;
static volatile sig_atomic_t stopping;

static i64 now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (i64)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Offload header in front of each packet of a TUN device with IFF_VNET_HDR.
struct vnet { u8 flags, gso; u16 header, size, csum_start, csum_offset; } __attribute__((packed));
enum { NEEDS_CSUM = 1, GSO_NONE = 0, GSO_TCP4 = 1, GSO_TCP6 = 4, GSO_UDP = 5, GSO_ECN = 0x80 };

// ---- buffers: one holds what one read gave, shared by its wire packets ----

enum { CLASSES = 3, FULL = 66048 };
static const u32 class_size[CLASSES] = {2048, 16384, FULL};

struct buffer {
	struct buffer *next;
	u32 references;
	u8 class;
	u8 v6, carries;  // protocol in the IP header
	u8 protocol;     // the same if its packets may be split and merged; 0: passed on as it came
	u16 l4, header;  // offset of the transport header; length of all headers
	u32 length;      // of the whole packet
	u16 segment;     // payload bytes of each wire packet but the last
	struct vnet vnet;
	u8 data[];
};
static struct buffer *spare[CLASSES];

static struct buffer *take(u8 class) {
	struct buffer *b = spare[class];
	if (b) {
		spare[class] = b->next;
		return b;
	}
	b = malloc(sizeof *b + class_size[class]);
	if (!b) { perror("relay: memory"); exit(1); }
	b->class = class;
	return b;
}
static void put(struct buffer *b) {
	b->next = spare[b->class];
	spare[b->class] = b;
}
static void release(struct buffer *b) {
	if (--b->references == 0) put(b);
}

// ---- one direction ----

struct packet { i64 due; u64 order; struct buffer *b; u32 index; };

// bucket is a token bucket: of bytes, full when it is new.
struct bucket { double tokens; i64 at; u64 flow; };
enum { EACH = 1024 };

struct direction {
	int in, out, from_a;
	volatile u64 *nat; // the model that says how addresses are translated: end a's
	volatile u64 *model, *count, *late;
	u64 chance[4];
	i64 busy;         // until when the bottleneck is sending what it has accepted
	struct bucket all; // of the policer
	struct bucket each[EACH]; // of the policer of single flows
	u64 burst;        // packets still to lose in this burst
	i64 wave_from, wave_at; // slow jitter: value at the last turn, time of it
	i64 wave_to, wave_until;
	i64 last_due;
	u64 order;
	struct packet *heap;
	u32 used, room;
};

static u64 rotate(u64 x, int k) { return x << k | x >> (64 - k); }
static u64 chance(struct direction *d) { // xoshiro256**
	u64 *s = d->chance, r = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rotate(s[3], 45);
	return r;
}
// Whether something of probability p/2^32 happens.
static int happens(struct direction *d, u64 p) { return p && (chance(d) >> 32) < p; }

static void seed(struct direction *d, u64 s) {
	for (int i = 0; i < 4; i++) { // splitmix64
		u64 z = s += 0x9e3779b97f4a7c15;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		d->chance[i] = z ^ z >> 31;
	}
}

static int before(struct packet *a, struct packet *b) {
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}
static void push(struct direction *d, struct packet p) {
	if (d->used == d->room) {
		d->room = d->room ? d->room * 2 : 65536;
		d->heap = realloc(d->heap, d->room * sizeof *d->heap);
		if (!d->heap) { perror("relay: memory"); exit(1); }
	}
	u32 i = d->used++;
	while (i && before(&p, &d->heap[(i - 1) / 2])) {
		d->heap[i] = d->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	d->heap[i] = p;
}
static struct packet pop(struct direction *d) {
	struct packet top = d->heap[0], last = d->heap[--d->used];
	u32 i = 0;
	for (;;) {
		u32 c = 2 * i + 1;
		if (c >= d->used) break;
		if (c + 1 < d->used && before(&d->heap[c + 1], &d->heap[c])) c++;
		if (!before(&d->heap[c], &last)) break;
		d->heap[i] = d->heap[c];
		i = c;
	}
	d->heap[i] = last;
	return top;
}

// lost tells whether the model loses this packet: each by itself, or in bursts
// of uniformly chosen length with the same mean (Gilbert's model: good periods
// of geometric length, bad ones that lose everything).
static int lost(struct direction *d) {
	u64 p = d->model[M_LOSS], low = d->model[M_BURST_MIN], high = d->model[M_BURST_MAX];
	if (!p) return 0;
	if (!high) return happens(d, p);
	if (d->burst) { d->burst--; return 1; }
	// A burst begins after a good packet with probability q such that
	// mean/(mean + 1/q) = p; the packet that begins it is its first.
	double share = p / 4294967296.0, mean = (low + high) / 2.0;
	double q = share / (mean * (1 - share) + share);
	if (!happens(d, (u64)(q * 4294967296.0))) return 0;
	d->burst = low + chance(d) % (high - low + 1) - 1;
	return 1;
}

// wave is jitter that keeps the order: a value that wanders, a new one every 20 ms.
static i64 wave(struct direction *d, i64 t, i64 jitter) {
	while (t >= d->wave_until) {
		d->wave_from = d->wave_to;
		d->wave_at = d->wave_until;
		if (t - d->wave_until > 1000000000) d->wave_at = t;
		d->wave_until = d->wave_at + 20000000;
		d->wave_to = chance(d) % (jitter + 1);
	}
	return d->wave_from + (d->wave_to - d->wave_from) * ((t - d->wave_at) / 1000) / 20000;
}

static u32 segments(struct buffer *b) {
	u32 payload = b->length - b->header;
	return b->segment ? (payload + b->segment - 1) / b->segment : 1;
}
static u32 payload_of(struct buffer *b, u32 index) {
	u32 payload = b->length - b->header;
	if (!b->segment) return payload;
	u32 from = index * b->segment;
	return payload - from < b->segment ? payload - from : b->segment;
}

// passes takes a packet's size from a bucket that fills at rate bits per second, if
// it holds that much.
static int passes(struct bucket *k, u64 rate, u64 most, u32 size, i64 t) {
	k->tokens += (t - k->at) * (rate / 8e9);
	if (k->tokens > most) k->tokens = most;
	k->at = t;
	if (k->tokens < size) return 0;
	k->tokens -= size;
	return 1;
}

// bucket_of finds the bucket of the packet's flow, a UDP or TCP five-tuple: a new one
// or, in a full table, that of a flow that hashes alike. Nothing else is limited.
static struct bucket *bucket_of(struct direction *d, struct buffer *b, u64 most, i64 t) {
	if ((b->carries != 17 && b->carries != 6) || b->length < (u32)b->l4 + 4) return 0;
	u64 h = 0xcbf29ce484222325 ^ b->carries; // FNV-1a
	u32 from = b->v6 ? 8 : 12;
	for (u32 i = from; i < (b->v6 ? 40u : 20u); i++) h = (h ^ b->data[i]) * 0x100000001b3;
	for (u32 i = b->l4; i < b->l4 + 4u; i++) h = (h ^ b->data[i]) * 0x100000001b3;
	if (!h) h = 1;
	u32 at = h ^ h >> 32;
	for (u32 i = 0; i < 16; i++) {
		struct bucket *k = &d->each[(at + i) % EACH];
		if (k->flow == h) return k;
		if (!k->flow) {
			*k = (struct bucket){most, t, h};
			return k;
		}
	}
	return &d->each[at % EACH];
}

// enter takes one wire packet into the model at time t.
static void enter(struct direction *d, struct buffer *b, u32 index, i64 t) {
	volatile u64 *m = d->model, *c = d->count;
	u32 size = b->header + payload_of(b, index);
	c[C_SENT]++;
	c[C_SENT_BYTES] += size;
	if (b->carries == 17) c[C_SENT_UDP] += size;
	if ((m[M_BLOCK] & 1 && b->carries == 17) || (m[M_BLOCK] & 2 && b->carries == 6) || m[M_BLOCK] & 4) {
		c[C_BLOCKED]++;
		return;
	}
	if (m[M_PMTU] && size > m[M_PMTU]) { c[C_TOO_BIG]++; return; }
	if (m[M_RATE]) {
		i64 queued = d->busy > t ? d->busy - t : 0;
		if (queued > (i64)m[M_QUEUE]) { c[C_QUEUE_DROPS]++; return; }
		if ((u64)queued > c[C_QUEUE_MAX]) c[C_QUEUE_MAX] = queued;
		d->busy = (d->busy > t ? d->busy : t) + (i64)(size * 8000000000.0 / m[M_RATE]);
		t = d->busy;
	}
	if (m[M_POLICE] && !passes(&d->all, m[M_POLICE], m[M_BUCKET], size, t)) { c[C_POLICE_DROPS]++; return; }
	if (m[M_POLICE_EACH]) {
		struct bucket *k = bucket_of(d, b, m[M_BUCKET], t);
		if (k && !passes(k, m[M_POLICE_EACH], m[M_BUCKET], size, t)) { c[C_POLICE_DROPS]++; return; }
	}
	if (lost(d)) { c[C_LOST]++; return; }
	if (happens(d, m[M_CORRUPT]) && b->protocol && payload_of(b, index)) {
		u32 at = b->header + index * b->segment + chance(d) % payload_of(b, index);
		b->data[at] ^= 1 << (chance(d) & 7);
		c[C_CORRUPTED]++;
	}
	i64 due = t + m[M_DELAY];
	if (m[M_JITTER]) {
		if (m[M_REORDER] && (m[M_REORDER] >> 32 || happens(d, m[M_REORDER])))
			due += chance(d) % (m[M_JITTER] + 1); // overtaking allowed
		else if (m[M_REORDER])
			;
		else {
			due += wave(d, t, m[M_JITTER]);
			if (due < d->last_due) due = d->last_due;
			d->last_due = due;
		}
	}
	b->references++;
	push(d, (struct packet){due, d->order++, b, index});
}

// ---- packets ----

static u16 get16(const u8 *p) { return p[0] << 8 | p[1]; }
static u32 get32(const u8 *p) { return (u32)get16(p) << 16 | get16(p + 2); }
static void put16(u8 *p, u32 v) { p[0] = v >> 8; p[1] = v; }
static void put32(u8 *p, u32 v) { put16(p, v >> 16); put16(p + 2, v); }

static u32 sum(const u8 *p, u32 n, u32 s) {
	for (u32 i = 0; i + 1 < n; i += 2) s += get16(p + i);
	return s;
}
static u16 fold(u32 s) {
	while (s >> 16) s = (s & 0xffff) + (s >> 16);
	return s;
}

enum { MALFORMED, FINE, NEIGHBOUR };

// parse finds the headers of TCP and UDP; all else passes as it came.
static int parse(struct buffer *b) {
	u8 *p = b->data;
	b->protocol = b->carries = 0;
	b->segment = 0;
	b->header = 0;
	if (b->length < 20) return MALFORMED;
	if (p[0] >> 4 == 4) {
		b->v6 = 0;
		b->l4 = (p[0] & 15) * 4;
		b->carries = p[9];
		if (get16(p + 6) & 0x3fff) return FINE; // a fragment
		b->protocol = p[9];
	} else if (p[0] >> 4 == 6 && b->length >= 40) {
		b->v6 = 1;
		b->l4 = 40;
		b->protocol = b->carries = p[6];
		// What the kernel says to its neighbours by itself (multicast and router
		// discovery) would draw from the same chance at unforeseeable moments.
		if (b->carries == 0 || (b->carries == 58 && p[40] >= 130 && p[40] <= 143)) return NEIGHBOUR;
	} else
		return MALFORMED;
	if (b->protocol == 6 && b->length >= b->l4 + 20u)
		b->header = b->l4 + (p[b->l4 + 12] >> 4) * 4;
	else if (b->protocol == 17 && b->length >= b->l4 + 8u)
		b->header = b->l4 + 8;
	else {
		b->protocol = 0;
		return FINE;
	}
	if (b->header > b->length || b->header > 120) return MALFORMED;
	u8 gso = b->vnet.gso & ~GSO_ECN;
	if (gso != GSO_NONE) {
		b->segment = b->vnet.size;
		if (!b->segment) return MALFORMED;
	}
	// Without offload the checksum in the packet is complete, and stays as it is.
	if (gso == GSO_NONE && !(b->vnet.flags & NEEDS_CSUM)) b->protocol = 0, b->header = 0;
	return FINE;
}

// ---- address translation for UDP that end a begins: ports move by an offset ----

static struct { u64 offset; u16 inside[65536]; } nat; // inside: by outside port; 0: no mapping

// translate rewrites the ports of a UDP packet; 0: there is no mapping for it.
static int translate(struct buffer *b, int from_a, u64 offset) {
	if (nat.offset != offset) { // every mapping is forgotten, as by a router that restarts
		memset(nat.inside, 0, sizeof nat.inside);
		nat.offset = offset;
	}
	if (!offset || b->protocol != 17) return 1;
	u8 *port = b->data + b->l4 + (from_a ? 0 : 2);
	if (from_a) {
		u16 inside = get16(port), outside = 1024 + (inside + offset) % 64512;
		nat.inside[outside] = inside;
		put16(port, outside);
		return 1;
	}
	u16 inside = nat.inside[get16(port)];
	put16(port, inside);
	return inside != 0;
}

// receive takes in everything that waits at d's entrance; tells how many reads.
static int receive(struct direction *d) {
	int n = 0;
	while (n < 256) {
		struct buffer *b = take(CLASSES - 1);
		struct iovec v[2] = {{&b->vnet, sizeof b->vnet}, {b->data, FULL}};
		ssize_t got = readv(d->in, v, 2);
		if (got < (ssize_t)sizeof b->vnet) {
			put(b);
			if (got < 0 && errno != EAGAIN && errno != EINTR) { perror("relay: read"); exit(1); }
			break;
		}
		n++;
		b->length = got - sizeof b->vnet;
		for (u8 c = 0; c < CLASSES - 1; c++)
			if (b->length <= class_size[c]) {
				struct buffer *fit = take(c);
				fit->vnet = b->vnet;
				fit->length = b->length;
				memcpy(fit->data, b->data, b->length);
				put(b);
				b = fit;
				break;
			}
		int kind = parse(b);
		if (kind != FINE) {
			if (kind == MALFORMED) d->count[C_MALFORMED]++;
			put(b);
			continue;
		}
		if (!translate(b, d->from_a, d->nat[M_NAT])) {
			d->count[C_BLOCKED] += segments(b);
			put(b);
			continue;
		}
		b->references = 1;
		i64 t = now();
		for (u32 i = 0, all = segments(b); i < all; i++) enter(d, b, i, t);
		release(b);
	}
	return n;
}

// follows tells whether packet q may be merged behind p, of which `have`
// packets are merged already, as the receiving card would: the same flow, and
// for TCP the next bytes with the same other fields.
static int follows(struct packet *p, u32 have, struct packet *last, struct packet *q) {
	struct buffer *a = p->b, *b = q->b;
	u32 first = payload_of(a, p->index), next = payload_of(b, q->index);
	if (!a->protocol || a->protocol != b->protocol || a->v6 != b->v6 || a->header != b->header || a->l4 != b->l4) return 0;
	if (!first || !next || next > first || payload_of(last->b, last->index) != first) return 0;
	if (a->header + first * have + next > 65000 || have >= 64) return 0;
	u8 *x = a->data, *y = b->data;
	if (a->v6 ? memcmp(x + 8, y + 8, 32) : memcmp(x + 12, y + 12, 8)) return 0;
	u8 *s = x + a->l4, *t = y + b->l4;
	if (memcmp(s, t, 4)) return 0;
	if (a->protocol == 17) return 1;
	if (memcmp(s + 8, t + 8, 5) || memcmp(s + 14, t + 14, 2)) return 0;
	if (memcmp(s + 20, t + 20, a->header - a->l4 - 20)) return 0;
	u8 flags = s[13], other = t[13], before_it = last->b->data[last->b->l4 + 13];
	int last_ends = last->index + 1 == segments(last->b);
	if (last_ends && before_it & 0x0f) { // FIN, SYN, RST, PSH end a merge
		if (before_it & ~0x10 & 0xff) return 0;
	}
	if ((flags ^ other) & ~0x09 & 0xff) return 0;
	u32 end = get32(last->b->data + last->b->l4 + 4) + last->index * last->b->segment + first;
	return get32(t + 4) + q->index * b->segment == end;
}

// deliver writes one or several merged wire packets as one.
static void deliver(struct direction *d, struct packet *p, u32 n, i64 t) {
	struct buffer *a = p[0].b;
	struct vnet vnet = a->vnet;
	u8 header[128];
	struct iovec v[66];
	int parts = 0;
	u32 bytes = 0;
	if (!a->protocol) {
		v[parts++] = (struct iovec){&a->vnet, sizeof a->vnet};
		v[parts++] = (struct iovec){a->data, a->length};
		bytes = a->length;
	} else {
		u32 payload = 0, l4 = a->l4;
		memcpy(header, a->data, a->header);
		v[parts++] = (struct iovec){&vnet, sizeof vnet};
		v[parts++] = (struct iovec){header, a->header};
		for (u32 i = 0; i < n; i++) {
			u32 length = payload_of(p[i].b, p[i].index);
			if (length) v[parts++] = (struct iovec){p[i].b->data + p[i].b->header + p[i].index * p[i].b->segment, length};
			payload += length;
		}
		u32 l4_length = a->header - l4 + payload;
		if (a->v6) {
			put16(header + 4, a->header - 40 + payload);
		} else {
			put16(header + 2, a->header + payload);
			put16(header + 4, get16(header + 4) + p[0].index);
			put16(header + 10, 0);
			put16(header + 10, ~fold(sum(header, l4, 0)));
		}
		u8 gso = GSO_NONE;
		if (a->protocol == 6) {
			put32(header + l4 + 4, get32(header + l4 + 4) + p[0].index * a->segment);
			struct packet *z = &p[n - 1];
			u8 ends = 0;
			if (z->index + 1 == segments(z->b)) ends = z->b->data[z->b->l4 + 13] & 0x09;
			header[l4 + 13] = (header[l4 + 13] & ~0x09) | ends;
			if (p[0].index > 0) header[l4 + 13] &= ~0x80; // CWR only on the first
			if (n > 1) gso = a->v6 ? GSO_TCP6 : GSO_TCP4;
		} else {
			put16(header + l4 + 4, l4_length);
			if (n > 1) gso = GSO_UDP;
		}
		u32 at = l4 + (a->protocol == 6 ? 16 : 6);
		u32 pseudo = a->v6 ? sum(header + 8, 32, 0) : sum(header + 12, 8, 0);
		put16(header + at, fold(pseudo + a->protocol + l4_length));
		vnet = (struct vnet){NEEDS_CSUM, gso, a->header, gso ? payload_of(a, p[0].index) : 0, l4, at - l4};
		bytes = a->header * n + payload;
	}
	volatile u64 *c = d->count;
	c[C_WRITES]++;
	if (writev(d->out, v, parts) < 0)
		c[C_WRITE_ERRORS] += n;
	else {
		c[C_DELIVERED] += n;
		c[C_DELIVERED_BYTES] += bytes;
		if (a->carries == 17) c[C_DELIVERED_UDP] += bytes;
	}
	for (u32 i = 0; i < n; i++) {
		i64 late = t - p[i].due;
		if (late < 0) late = 0;
		if ((u64)late > c[C_LATE_MAX]) c[C_LATE_MAX] = late;
		u64 k = late / BUCKET_NS;
		d->late[k < BUCKETS ? k : BUCKETS - 1]++;
		release(p[i].b);
	}
}

// send delivers what is due; tells how many wire packets.
static int send_due(struct direction *d, i64 until) {
	struct packet run[64];
	u32 n = 0;
	int all = 0;
	while (d->used && d->heap[0].due <= until) {
		struct packet p = pop(d);
		if (n && !follows(&run[0], n, &run[n - 1], &p)) {
			deliver(d, run, n, now());
			n = 0;
		}
		run[n++] = p;
		if (n == 64) {
			deliver(d, run, n, now());
			n = 0;
		}
		all++;
	}
	if (n) deliver(d, run, n, now());
	return all;
}

// ---- scheduling ----

// schedule asks for real time, ahead of every ordinary load. SCHED_FIFO will do: the
// loop sleeps after each round. SCHED_DEADLINE is a little more punctual, but Linux
// 6.18 said "DL replenish lagged too much" with it.
static int schedule(void) {
	struct sched_param p = {.sched_priority = 50};
	return sched_setscheduler(0, SCHED_FIFO, &p) == 0;
}

static void stop(int signal) { (void)signal; stopping = 1; }

// ends is the two ends' namespaces, as /proc names them.
static char ends[2][64];

static int same_namespace(const char *pid) {
	char name[64], link[64];
	snprintf(name, sizeof name, "/proc/%.20s/ns/net", pid);
	ssize_t n = readlink(name, link, sizeof link - 1);
	if (n <= 0) return 0;
	link[n] = 0;
	return !strcmp(link, ends[0]) || !strcmp(link, ends[1]);
}

// sweep ends every process that is left in the ends: without them the kernel
// frees the namespaces, also when our parent could not clean up.
static void sweep(void) {
	for (int round = 0; round < 3; round++) {
		DIR *d = opendir("/proc");
		struct dirent *e;
		if (!d) return;
		while ((e = readdir(d)))
			if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && atoi(e->d_name) != getpid() && atoi(e->d_name) != getppid() && same_namespace(e->d_name))
				kill(atoi(e->d_name), SIGKILL);
		closedir(d);
	}
}

int main(int argc, char **argv) {
	if (argc != 6) { fprintf(stderr, "usage: relay TUN_A TUN_B PAGE (descriptors) NAMESPACE_A NAMESPACE_B\n"); return 2; }
	prctl(PR_SET_TIMERSLACK, 1);
	int a = atoi(argv[1]), b = atoi(argv[2]);
	page = mmap(NULL, PAGE_WORDS * sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
	if (page == MAP_FAILED) { perror("relay: page"); return 1; }
	struct sigaction action = {.sa_handler = stop};
	sigaction(SIGTERM, &action, NULL);
	snprintf(ends[0], sizeof ends[0], "%s", argv[4]);
	snprintf(ends[1], sizeof ends[1], "%s", argv[5]);
	signal(SIGINT, SIG_IGN); // the terminal's interrupt is the parent's affair
	fcntl(a, F_SETFL, O_NONBLOCK);
	fcntl(b, F_SETFL, O_NONBLOCK);
	struct direction d[2] = {{.in = a, .out = b}, {.in = b, .out = a}};
	for (int i = 0; i < 2; i++) {
		d[i].model = page + PAGE_MODEL + i * M_COUNT;
		d[i].nat = page + PAGE_MODEL;
		d[i].from_a = i == 0;
		d[i].count = page + PAGE_COUNT + i * C_COUNT;
		d[i].late = page + PAGE_LATE + i * BUCKETS;
		seed(&d[i], d[i].model[M_SEED]);
		d[i].all = (struct bucket){d[i].model[M_BUCKET], now(), 0};
	}
	mlockall(MCL_CURRENT);
	page[P_SCHEDULER] = schedule();
	__atomic_store_n(&page[P_READY], 1, __ATOMIC_RELEASE);

	i64 active = 0, previous = now();
	while (!stopping) {
		i64 grain = page[P_GRAIN], t = now();
		int moved = receive(&d[0]) + receive(&d[1]);
		i64 until = now() + grain / 2;
		moved += send_due(&d[0], until) + send_due(&d[1], until);
		t = now();
		if (moved) active = t;
		i64 next = INT64_MAX;
		for (int i = 0; i < 2; i++)
			if (d[i].used && d[i].heap[0].due < next) next = d[i].heap[0].due;
		page[P_WAKEUPS]++;
		if ((page[P_WAKEUPS] & 255) == 0) {
			struct timespec cpu;
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
			page[P_CPU] = (u64)cpu.tv_sec * 1000000000 + cpu.tv_nsec;
		}
		i64 wanted;
		if (t - active < 1000000) { // busy: look again after a grain, whatever comes
			wanted = t + grain;
			struct timespec s = {wanted / 1000000000, wanted % 1000000000};
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, NULL);
		} else {
			i64 wait = next == INT64_MAX ? 1000000000 : next - t;
			if (wait < 0) wait = 0;
			wanted = t + wait;
			struct timespec s = {wait / 1000000000, wait % 1000000000};
			struct pollfd f[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
			ppoll(f, 2, &s, NULL);
		}
		previous = now();
		if (previous > wanted && (u64)(previous - wanted) > page[P_STALL_MAX]) page[P_STALL_MAX] = previous - wanted;
	}
	sweep();
	return 0;
}
