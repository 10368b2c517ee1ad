# frozen_string_literal: true

require_relative 'opened'
require_relative 'calls'

module Daytona
  # The builder of image objects. It only collects steps; the library renders them, byte for byte as the official gem.
  class Image
    # `spec`: how an image object begins.
    def initialize(**spec)
      @spec = { style: 'ruby', **spec, steps: [] }
    end

    class << self
      def base(image) = new(base: image)

      # Debian with Python; without a version the newest that is known.
      def debian_slim(python_version = nil) = new(debianSlim: python_version)

      def from_dockerfile(path)
        place = File.expand_path(path)
        raise Sdk::NotFoundError, "The Dockerfile #{path} does not exist." unless File.file?(place)

        new(dockerfile: File.read(place, encoding: Encoding::UTF_8), contextDir: File.dirname(place))
      end
    end

    def apt_get(*packages) = step(aptGet: packages.flatten)

    def pip_install(*packages, **options) = step(pipInstall: { packages: packages.flatten, **pip(options) })

    def pip_install_from_requirements(requirements_txt, **options)
      step(requirements: { path: requirements_txt, **pip(options) })
    end

    def pip_install_from_pyproject(pyproject_toml, optional_dependencies: [], extra_index_url: nil, **options)
      options[:extra_index_urls] ||= extra_index_url
      step(pyproject: { path: pyproject_toml, optionalDependencies: optional_dependencies, **pip(options) })
    end

    def add_local_file(local_path, remote_path)
      step(addLocalFile: { localPath: local_path, remotePath: remote_path })
    end

    def add_local_dir(local_path, remote_path)
      step(addLocalDir: { localPath: local_path, remotePath: remote_path })
    end

    # Texts, which a shell runs, or lists of words.
    def run_commands(*commands)
      commands.each { |run| step(run:) }
      self
    end

    def env(env_vars) = step(env: env_vars)

    def workdir(path) = step(workdir: path)

    def entrypoint(entrypoint_commands) = step(entrypoint: entrypoint_commands)

    def cmd(cmd) = step(cmd:)

    def dockerfile_commands(dockerfile_commands, context_dir: nil)
      step(raw: { commands: dockerfile_commands, contextDir: context_dir }.compact)
    end

    # Any step of an image object.
    def step(fields)
      @spec = { **@spec, steps: [*@spec[:steps], fields] }
      self
    end

    # The Dockerfile. Local files that it needs are looked for.
    def dockerfile = self.class.offline.call('image.dockerfile', { image: @spec })

    # What would be uploaded for it.
    def context_list
      self.class.offline.call('image.contexts', { image: @spec }).map do |it|
        Context.new(source_path: it['sourcePath'], archive_path: it['archivePath'])
      end
    end

    # The image object that operations take.
    def to_h = @spec

    def to_json(...) = @spec.to_json(...)

    # A client for what needs no server.
    def self.offline
      @offline = nil if @pid != ::Process.pid
      @pid = ::Process.pid
      @offline ||= Daytona.new(api_key: 'none')
    end

    private

    # Options of pip by the names of the JSON.
    def pip(options)
      lists = %i[find_links extra_index_urls]
      options.compact.to_h do |name, value|
        [JsonText.camel(name).to_sym, lists.include?(name) ? Array(value) : value]
      end
    end
  end
end
