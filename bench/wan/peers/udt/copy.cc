// udt-copy copies a tree over UDT 4 with the library's own defaults. It is a
// peer in measurements and nothing else: names from the other side are trusted.
//
//   udt-copy serve PORT DIRECTORY       takes one connection
//   udt-copy send HOST PORT DIRECTORY
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <udt/udt.h>

namespace fs = std::filesystem;

static void fail(const char *what) {
	fprintf(stderr, "udt-copy: %s: %s\n", what, UDT::getlasterror().getErrorMessage());
	exit(1);
}
static void sendAll(UDTSOCKET s, const char *p, int64_t n) {
	while (n > 0) {
		int sent = UDT::send(s, p, int(n > 1 << 20 ? 1 << 20 : n), 0);
		if (sent == UDT::ERROR) fail("send");
		p += sent;
		n -= sent;
	}
}
// recvAll gives false when the connection ends at the first byte.
static bool recvAll(UDTSOCKET s, char *p, int64_t n) {
	bool first = true;
	while (n > 0) {
		int got = UDT::recv(s, p, int(n > 1 << 20 ? 1 << 20 : n), 0);
		if (got == UDT::ERROR) {
			if (first) return false;
			fail("receive");
		}
		first = false;
		p += got;
		n -= got;
	}
	return true;
}

struct Head { uint64_t size; uint32_t name; uint32_t more; };

static int serve(int port, const fs::path &dir) {
	UDTSOCKET listener = UDT::socket(AF_INET, SOCK_STREAM, 0);
	sockaddr_in at{};
	at.sin_family = AF_INET;
	at.sin_port = htons(uint16_t(port));
	if (UDT::bind(listener, (sockaddr *)&at, sizeof at) == UDT::ERROR || UDT::listen(listener, 4) == UDT::ERROR) fail("listen");
	sockaddr_in from{};
	int length = sizeof from;
	UDTSOCKET s = UDT::accept(listener, (sockaddr *)&from, &length);
	if (s == UDT::INVALID_SOCK) fail("accept");
	std::vector<char> buffer(1 << 20);
	for (;;) {
		Head head;
		if (!recvAll(s, (char *)&head, sizeof head) || !head.more) break;
		std::string name(head.name, 0);
		recvAll(s, name.data(), head.name);
		fs::create_directories((dir / name).parent_path());
		std::ofstream out(dir / name, std::ios::binary);
		while (head.size > 0) {
			int64_t n = int64_t(std::min<uint64_t>(head.size, buffer.size()));
			if (!recvAll(s, buffer.data(), n)) fail("receive");
			out.write(buffer.data(), n);
			head.size -= uint64_t(n);
		}
	}
	char done = 1;
	sendAll(s, &done, 1);
	UDT::recv(s, &done, 1, 0); // until the sender has it and closes
	UDT::close(s);
	return 0;
}

static int send(const char *host, const char *port, const fs::path &dir) {
	sockaddr_in to{};
	to.sin_family = AF_INET;
	to.sin_port = htons(uint16_t(atoi(port)));
	inet_pton(AF_INET, host, &to.sin_addr);
	UDTSOCKET s = UDT::socket(AF_INET, SOCK_STREAM, 0);
	if (UDT::connect(s, (sockaddr *)&to, sizeof to) == UDT::ERROR) fail("connect");
	std::vector<char> buffer(1 << 20);
	for (const auto &e : fs::recursive_directory_iterator(dir)) {
		if (!e.is_regular_file()) continue;
		std::string name = fs::relative(e.path(), dir).string();
		Head head{e.file_size(), uint32_t(name.size()), 1};
		sendAll(s, (char *)&head, sizeof head);
		sendAll(s, name.data(), int64_t(name.size()));
		std::ifstream in(e.path(), std::ios::binary);
		while (in.read(buffer.data(), int64_t(buffer.size())), in.gcount() > 0) sendAll(s, buffer.data(), in.gcount());
	}
	Head end{0, 0, 0};
	sendAll(s, (char *)&end, sizeof end);
	char done;
	if (!recvAll(s, &done, 1)) fail("wait for the end");
	UDT::close(s);
	return 0;
}

int main(int argc, char **argv) {
	UDT::startup();
	int code = 2;
	if (argc == 4 && !strcmp(argv[1], "serve")) code = serve(atoi(argv[2]), argv[3]);
	else if (argc == 5 && !strcmp(argv[1], "send")) code = send(argv[2], argv[3], argv[4]);
	else fprintf(stderr, "usage: udt-copy serve PORT DIRECTORY | send HOST PORT DIRECTORY\n");
	UDT::cleanup();
	return code;
}
