// Descriptions of images, which the library renders as Dockerfiles.
#ifndef DAYTONA_IMAGE_HPP
#define DAYTONA_IMAGE_HPP

#include <daytona/error.hpp>
#include <map>
#include <vector>

namespace daytona {

/// An image to build a sandbox or a snapshot from:
/// `Image::base("python:3.12-slim").apt_get({"git"}).pip_install({"numpy"}).workdir("/app")`.
/// It is accepted wherever an operation takes an image, or `client.image().dockerfile(image)` shows what it is.
class Image {
  public:
    using Texts = std::vector<std::string>;

    /// Begins with an image, as "python:3.12-slim".
    static Image base(const std::string &name) { return Image("base", name); }
    /// Begins with the official Debian image of a Python, by default of 3.12.
    static Image debian_slim(const std::optional<std::string> &python = std::nullopt) {
        return Image("debianSlim", python ? Json(*python) : Json());
    }
    /// Begins with a Dockerfile; its COPY and ADD take files from the local directory `context`, where there is one.
    static Image from_dockerfile(const std::string &text, const std::string &context = {}) {
        Image image("dockerfile", text);
        if (!context.empty())
            image.json_["contextDir"] = context;
        return image;
    }

    /// Installs Debian packages.
    Image &apt_get(const Texts &packages) { return step("aptGet", packages); }
    /// Installs Python packages; `options` are `indexUrl`, `extraIndexUrls`, `findLinks`, `pre` and `extraOptions`.
    Image &pip_install(const Texts &packages, const Json &options = Json::object()) {
        Json install = options;
        install["packages"] = packages;
        return step("pipInstall", std::move(install));
    }
    /// Installs the packages of a local requirements file; options as of pip_install.
    Image &pip_install_from_requirements(const std::string &path, const Json &options = Json::object()) {
        Json install = options;
        install["path"] = path;
        return step("requirements", std::move(install));
    }
    /// Installs the dependencies of a local pyproject.toml; options as of pip_install, and `optionalDependencies`.
    Image &pip_install_from_pyproject(const std::string &path, const Json &options = Json::object()) {
        Json install = options;
        install["path"] = path;
        return step("pyproject", std::move(install));
    }
    /// Copies a local file into the image.
    Image &add_local_file(const std::string &local_path, const std::string &remote_path) {
        return step("addLocalFile", {{"localPath", local_path}, {"remotePath", remote_path}});
    }
    /// Copies the content of a local directory into the image.
    Image &add_local_dir(const std::string &local_path, const std::string &remote_path) {
        return step("addLocalDir", {{"localPath", local_path}, {"remotePath", remote_path}});
    }
    /// Copies what other steps brought into the context.
    Image &copy(const std::string &source, const std::string &destination) {
        return step("copy", {{"source", source}, {"destination", destination}});
    }
    /// Adds a URL, or an archive that is unpacked.
    Image &add(const std::string &source, const std::string &destination) {
        return step("add", {{"source", source}, {"destination", destination}});
    }
    /// Runs a command in the shell.
    Image &run(const std::string &command) { return step("run", command); }
    /// Runs a program with its arguments.
    Image &run_program(const Texts &program) { return step("run", program); }
    /// The directory of the steps that follow, and of processes in the image.
    Image &workdir(const std::string &path) { return step("workdir", path); }
    /// The user of the steps that follow, and of processes in the image.
    Image &user(const std::string &name) { return step("user", name); }
    /// An environment variable.
    Image &env(const std::string &name, const std::string &value) { return step("env", {{name, value}}); }
    /// A label.
    Image &label(const std::string &name, const std::string &value) { return step("label", {{name, value}}); }
    /// Ports that the image's processes listen on.
    Image &expose(const std::vector<int> &ports) { return step("expose", ports); }
    /// Directories for volumes.
    Image &volume(const Texts &paths) { return step("volume", paths); }
    /// The program that the image starts, and its arguments.
    Image &entrypoint(const Texts &program) { return step("entrypoint", program); }
    /// The arguments of the entrypoint, or the program where there is none.
    Image &cmd(const Texts &arguments) { return step("cmd", arguments); }
    /// Lines of a Dockerfile, as they are.
    Image &dockerfile_commands(const Texts &lines) { return step("raw", {{"commands", lines}}); }

    const Json &json() const noexcept { return json_; }
    /// So that nlohmann::json takes an image for a value.
    friend void to_json(Json &json, const Image &image) { json = image.json_; }

  private:
    Image(const char *from, Json value) { json_[from] = std::move(value); }
    Image &step(const char *key, Json value) {
        json_["steps"].push_back(Json::object({{key, std::move(value)}}));
        return *this;
    }

    Json json_;
};

} // namespace daytona

#endif
