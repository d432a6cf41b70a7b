/*
 * tls.cc: malloc in C++ destructors of thread-local and static objects.
 *
 * They run before the destructors of thread-specific data and before libc's
 * own clean-up, and they allocate as well as free.  The objects here check
 * that their content is still what it was when they are destroyed.
 */
#include "tap.h"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace
{

std::atomic<int> made, destroyed, wrong;

struct keeper {
	std::map<int, std::string> names;
	std::vector<std::unique_ptr<char[]>> blocks;

	keeper()
	{
		for (int i = 0; i < 100; i++) {
			names[i] = std::string(std::size_t(i) * 3, 'k');
			blocks.emplace_back(new char[std::size_t(i) * 50 + 1]);
		}
		made++;
	}
	~keeper()
	{
		std::vector<std::string> copy;

		for (const auto &entry : names) {
			copy.push_back(entry.second + "at the end");
			if (entry.second.size() != std::size_t(entry.first) * 3)
				wrong++;
		}
		if (copy.size() != 100)
			wrong++;
		destroyed++;
	}
};

thread_local keeper per_thread;
thread_local std::string late_string;

struct touches_late_string {
	~touches_late_string()
	{
		std::string text(2000, 'x');

		if (text.find('y') != std::string::npos)
			wrong++;
	}
};

void use_thread_locals()
{
	static thread_local touches_late_string last;

	(void)last;
	late_string.assign(500, 'z');
	if (per_thread.names.size() != 100)
		wrong++;
}

} // namespace

CASE(thread_local_destructors_allocate)
{
	std::size_t before = 0;

	for (int i = 0; i < 500; i++) {
		std::thread thread(use_thread_locals);

		thread.join();
		if (i == 50)
			before = rss_bytes();
	}
	CHECK_MSG(made == 500 && destroyed == 500 && wrong == 0,
		  "%d made, %d destroyed, %d wrong", made.load(),
		  destroyed.load(), wrong.load());
	CHECK_MSG(rss_bytes() < before + 12 * MIB, "%zu MiB, then %zu MiB",
		  before / MIB, rss_bytes() / MIB);
}

CASE(many_threads_at_once)
{
	for (int round = 0; round < 20; round++) {
		std::vector<std::thread> threads;

		for (int i = 0; i < 16; i++)
			threads.emplace_back(use_thread_locals);
		for (auto &t : threads)
			t.join();
	}
	CHECK(made == 320 && destroyed == 320 && wrong == 0);
}

namespace
{

void at_exit()
{
	std::string text(5000, 'e');

	if (wrong || destroyed != 1 || text.size() != 5000)
		_exit(1);
}

} // namespace

/* Runs after this case returned: the main thread's, then the static ones. */
CASE(main_thread_and_exit_handlers)
{
	static std::vector<std::string> kept_to_the_end(1000,
							"kept to the end");

	REQUIRE(atexit(at_exit) == 0);
	use_thread_locals();
	kept_to_the_end.emplace_back(300, 'k');
	CHECK(made == 1);
}

namespace
{

struct thrower {
	std::string text = std::string(300, 't');
};

void throws_and_catches()
{
	for (int i = 0; i < 2000; i++) {
		try {
			throw thrower();
		} catch (const thrower &t) {
			if (t.text.size() != 300)
				wrong++;
		}
	}
}

} // namespace

CASE(exceptions_in_threads)
{
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++)
		threads.emplace_back(throws_and_catches);
	for (auto &t : threads)
		t.join();
	CHECK(wrong == 0);
}

TAP_MAIN
