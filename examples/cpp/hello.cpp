// A sandbox, a command, output as it comes, a future, an error.
#include <daytona.hpp>
#include <iostream>

int main() {
    daytona::Client client;                                  // DAYTONA_API_KEY ...
    auto sandbox = client.create({{"language", "python"}});  // nlohmann::json in
    auto result = sandbox.process().execute("echo hello", {{"cwd", "/tmp"}});
    std::cout << result.at("result").get<std::string>();     // nlohmann::json out

    for (auto chunk : sandbox.process().run("echo building; echo careful >&2"))  // a range over a stream
        (chunk.is_stderr() ? std::cerr : std::cout) << chunk.text();

    std::future<daytona::Json> later = sandbox.process().execute_async("sleep 1; echo later");
    try {
        sandbox.files().read("/missing");
    } catch (const daytona::NotFound &error) {
        std::cerr << error.what() << '\n';
    }
    std::cout << later.get().at("result").get<std::string>();
    sandbox.delete_();
}
