/*
 * work.cc: a C++ program with threads that share a queue of work.
 *
 * Producers make strings and trees, consumers take them apart, so most objects
 * are freed by another thread than the one that made them.  The argument is
 * the amount of work; the output depends on nothing else.
 */
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace
{

struct job {
	int number;
	std::map<std::string, std::vector<int>> tree;
	std::unordered_map<int, std::unique_ptr<std::string>> table;
};

std::unique_ptr<job> make_job(int number)
{
	auto j = std::make_unique<job>();

	j->number = number;
	for (int i = 0; i < 30; i++) {
		int key = (number * 31 + i * 7) % 64;

		j->tree["key " + std::to_string(key)].push_back(i);
		j->table[key] = std::make_unique<std::string>(
			std::size_t(key) * 3, char('a' + key % 26));
	}
	return j;
}

std::uint64_t take_apart(const job &j)
{
	std::uint64_t sum = std::uint64_t(j.number);

	for (const auto &entry : j.tree)
		for (int i : entry.second)
			sum = sum * 31 + entry.first.size() + unsigned(i);
	for (const auto &entry : j.table)
		sum += entry.second->size() * unsigned(entry.first);
	return sum;
}

class queue
{
	std::mutex mutex;
	std::condition_variable changed;
	std::deque<std::unique_ptr<job>> jobs;
	bool closed = false;

      public:
	void put(std::unique_ptr<job> j)
	{
		std::unique_lock<std::mutex> lock(mutex);

		changed.wait(lock, [this] { return jobs.size() < 256; });
		jobs.push_back(std::move(j));
		changed.notify_all();
	}
	std::unique_ptr<job> take()
	{
		std::unique_lock<std::mutex> lock(mutex);

		changed.wait(lock, [this] { return closed || !jobs.empty(); });
		if (jobs.empty())
			return nullptr;
		auto j = std::move(jobs.front());
		jobs.pop_front();
		changed.notify_all();
		return j;
	}
	void close()
	{
		std::lock_guard<std::mutex> lock(mutex);

		closed = true;
		changed.notify_all();
	}
};

} // namespace

int main(int argc, char **argv)
{
	int n = argc > 1 ? std::atoi(argv[1]) : 1000;
	queue q;
	std::uint64_t sums[2] = {0, 0};
	std::vector<std::thread> makers, takers;

	for (int t = 0; t < 2; t++)
		makers.emplace_back([&q, n, t] {
			for (int i = t; i < n; i += 2)
				q.put(make_job(i));
		});
	for (int t = 0; t < 2; t++)
		takers.emplace_back([&q, &sums, t] {
			while (auto j = q.take())
				sums[t] += take_apart(*j);
		});
	for (auto &t : makers)
		t.join();
	q.close();
	for (auto &t : takers)
		t.join();
	std::printf("%llu\n",
		    static_cast<unsigned long long>(sums[0] + sums[1]));
	return 0;
}
