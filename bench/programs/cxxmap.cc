/*
 * cxxmap: a C++ program of maps and strings, the kind whose time goes into
 * new and delete.  Usage: cxxmap SCALE (1.0 is about a second).
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

static std::uint32_t next_number()
{
	static std::uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return static_cast<std::uint32_t>(state >> 16);
}

static std::string make_key(std::uint32_t range)
{
	return "a-key-longer-than-the-inline-buffer-" +
	       std::to_string(next_number() % range);
}

static std::size_t ordered(int count)
{
	std::map<std::string, std::vector<int>> table;

	for (int i = 0; i < count; i++)
		table[make_key(40000)].push_back(i);
	for (int i = 0; i < count / 4; i++)
		table.erase(make_key(40000));
	return table.size();
}

static std::size_t hashed(int count)
{
	std::unordered_map<std::string, std::string> table;

	for (int i = 0; i < count; i++) {
		std::string &value = table[make_key(60000)];

		value += "some text to append ";
		if (value.size() > 400)
			table.erase(make_key(60000));
	}
	return table.size();
}

static std::size_t queues(int count)
{
	std::vector<std::list<std::string>> queue(100);
	std::size_t total = 0;

	for (int i = 0; i < count; i++) {
		std::list<std::string> &q = queue[next_number() % queue.size()];

		q.push_back(std::string(16 + next_number() % 200, 'x'));
		if (q.size() > 50)
			q.pop_front();
		total += q.size();
	}
	return total;
}

int main(int argc, char **argv)
{
	double scale = argc > 1 ? std::atof(argv[1]) : 1.0;
	std::size_t total = 0;

	for (int round = 0; round < 2; round++) {
		total += ordered(static_cast<int>(250000 * scale));
		total += hashed(static_cast<int>(500000 * scale));
		total += queues(static_cast<int>(800000 * scale));
	}
	std::printf("%zu\n", total);
	return 0;
}
