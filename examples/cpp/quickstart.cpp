// A tour of one sandbox: a command, a terminal, a large file there and back.
//
// It runs against whatever DAYTONA_API_URL and DAYTONA_API_KEY name: `make demo-cpp` starts a server on this
// machine; with only DAYTONA_API_KEY set it is Daytona's hosted service. Whatever happens, the sandbox is deleted
// at the end.
#include <cstdlib>
#include <daytona.hpp>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <unistd.h>

namespace {

using daytona::Json;
using namespace std::chrono_literals;

constexpr int file_mib = 64;

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void require(bool good, const char *otherwise) {
    if (!good)
        throw std::runtime_error(otherwise);
}

std::string line(const char *label) {
    return "  " + std::string(label) + std::string(11 - std::min<std::size_t>(10, std::string(label).size()), ' ');
}

void run(daytona::Sandbox &sandbox) {
    const double start = seconds();
    auto output = sandbox.process().run("for i in 1 2 3; do echo step $i; sleep 0.4; echo careful $i >&2; sleep 0.4; done; exit 3");
    for (const auto &chunk : output) {
        std::istringstream lines(chunk.text()); // What arrives together may be several lines.
        for (std::string text; std::getline(lines, text);)
            std::cout << "  " << std::setw(4) << std::setprecision(1) << std::fixed << seconds() - start << " s  "
                      << (chunk.is_stderr() ? "stderr" : "stdout") << "  " << text << std::endl;
    }
    const int exit_code = output.result().at("exitCode");
    std::cout << "  exit code  " << exit_code << '\n';
    require(exit_code == 3, "The command ends with `exit 3`, yet that is not what came back.");
}

/// Prints what a terminal shows, without its control sequences.
class Screen {
  public:
    void show(const std::string &bytes) {
        for (const char c : bytes) {
            const auto byte = static_cast<unsigned char>(c);
            if (state_ == escape)
                state_ = c == '[' ? sequence : c == ']' ? title : plain;
            else if (state_ == sequence)
                state_ = c >= '@' && c <= '~' ? plain : sequence;
            else if (state_ == title)
                state_ = byte == 7 ? plain : byte == 27 ? escape : title;
            else if (byte == 27)
                state_ = escape;
            else if (c == '\n') {
                std::cout << "  | " << line_ << '\n';
                shown_ += line_ + '\n';
                line_.clear();
            } else if (byte >= ' ')
                line_ += c;
        }
    }

    /// Whether a line had the text since it was last asked for.
    bool has(const std::string &text) {
        const bool there = shown_.find(text) != std::string::npos;
        if (there)
            shown_.clear();
        return there;
    }

  private:
    enum { plain, escape, sequence, title } state_ = plain;
    std::string line_, shown_;
};

/// Shows the terminal until it has the text.
void watch(daytona::Stream &terminal, Screen &screen, const std::string &wanted) {
    while (!screen.has(wanted)) {
        require(terminal.wait_for(30s), "The terminal did not show in time what was asked for.");
        const auto chunk = terminal.next();
        require(chunk.has_value(), "The terminal ended before it showed what was asked for.");
        screen.show(chunk->text());
    }
}

/// Types a line, once the terminal is quiet: as a person does, who waits for the prompt.
void type(daytona::Stream &terminal, Screen &screen, const std::string &text) {
    while (terminal.wait_for(250ms))
        if (const auto chunk = terminal.next())
            screen.show(chunk->text());
        else
            break;
    terminal.write(text);
}

void use_terminal(daytona::Sandbox &sandbox) {
    Screen screen;
    auto terminal = sandbox.pty().open("tour", {{"cols", 120}, {"rows", 40}}); // Destroying it kills the terminal.
    type(terminal, screen, "stty size\n");
    watch(terminal, screen, "40 120");
    sandbox.pty().resize("tour", 100, 30);
    type(terminal, screen, "stty size\n");
    watch(terminal, screen, "30 100");
    type(terminal, screen, "exit 7\n");
    for (const auto &chunk : terminal)
        screen.show(chunk.text());
    const int exit_code = terminal.result().at("exitCode");
    std::cout << "  exit code  " << exit_code << '\n';
    require(exit_code == 7, "The shell was left with `exit 7`, yet that is not what came back.");
}

void make_file(const std::filesystem::path &path) {
    std::uint64_t state = 88172645463325252u; // xorshift64: the same bytes every time, and no zeros to skip
    std::vector<std::uint64_t> block(8192);
    std::ofstream file(path, std::ios::binary);
    for (int i = 0; i < file_mib * 16; i++) {
        for (auto &word : block)
            word = (state ^= state << 13, state ^= state >> 7, state ^= state << 17);
        file.write(reinterpret_cast<const char *>(block.data()), static_cast<std::streamsize>(block.size() * sizeof block[0]));
    }
    require(bool(file.flush()), "The file could not be written.");
}

bool are_same(const std::filesystem::path &one, const std::filesystem::path &other) {
    std::ifstream a(one, std::ios::binary), b(other, std::ios::binary);
    return std::filesystem::file_size(one) == std::filesystem::file_size(other) &&
           std::equal(std::istreambuf_iterator<char>(a), std::istreambuf_iterator<char>(), std::istreambuf_iterator<char>(b));
}

/// One transfer with reports of progress.
template <class Transfer> void transfer(const char *label, Transfer move) {
    const double start = seconds();
    const bool shows = isatty(STDOUT_FILENO); // On a terminal one line grows; in a log only the end is worth a line.
    int reports = 0;
    move([&](const daytona::Progress &progress) {
        reports++;
        if (shows)
            std::cout << '\r' << line(label) << (progress.bytes >> 20) << " of " << file_mib << " MiB" << std::flush;
    });
    std::cout << (shows ? "\r\033[K" : "") << line(label) << file_mib << " MiB in " << std::setprecision(2) << std::fixed
              << seconds() - start << " s, " << reports << " reports of progress\n";
}

void move_files(daytona::Sandbox &sandbox) {
    std::string directory = std::filesystem::temp_directory_path() / "daytona-tour-XXXXXX";
    require(mkdtemp(directory.data()) != nullptr, "There is no temporary directory to be had.");
    const std::unique_ptr<std::string, void (*)(std::string *)> removed(&directory, [](std::string *it) { std::filesystem::remove_all(*it); });
    const std::string up = directory + "/up", down = directory + "/down";
    make_file(up);
    const auto files = sandbox.files();
    transfer("up", [&](const daytona::OnProgress &on_progress) { files.upload(up, "tour.bin", {}, on_progress); });
    transfer("down", [&](const daytona::OnProgress &on_progress) { files.download("tour.bin", down, {}, on_progress); });
    std::cout << line("sha256") << sandbox.process().execute("sha256sum tour.bin").at("result").get<std::string>().substr(0, 64) << '\n';
    require(are_same(up, down), "The file changed on its way.");
}

void tour(daytona::Sandbox &sandbox) {
    std::cout << line("id") << sandbox.id() << '\n' << line("state") << sandbox.json().at("state").get<std::string>() << '\n';
    std::cout << "\n2. A command, its stdout and stderr apart while it runs" << std::endl;
    run(sandbox);
    std::cout << "\n3. A terminal of 120x40, typed into, resized to 100x30, left with `exit 7`" << std::endl;
    use_terminal(sandbox);
    std::cout << "\n4. A file of " << file_mib << " MiB up and down" << std::endl;
    move_files(sandbox);
}

} // namespace

int main() {
    try {
        std::cout << "libdaytona " << daytona::version() << "\n\n1. A sandbox" << std::endl;
        daytona::Client client;
        // Should this program be killed, the sandbox stops after five idle minutes and is deleted then.
        auto sandbox = client.create({{"language", "python"}, {"ephemeral", true}, {"autoStopInterval", 5}});
        std::exception_ptr failed;
        try {
            tour(sandbox);
        } catch (...) {
            failed = std::current_exception();
        }
        std::cout << "\n5. The sandbox deleted" << std::endl;
        sandbox.delete_({{"wait", true}});
        std::cout << "  it is gone, with everything that ran in it" << std::endl;
        if (failed)
            std::rethrow_exception(failed);
    } catch (const daytona::Error &error) {
        std::cerr << "\n" << error.operation() << " failed: " << error.kind() << ": " << error.what() << '\n';
        return 1;
    } catch (const std::exception &error) {
        std::cerr << "\n" << error.what() << '\n';
        return 1;
    }
    std::cout << "\nThat was one real sandbox.\n";
}
