# frozen_string_literal: true

require_relative 'generated/structs'

module Daytona
  # How a client reaches Daytona. What is not given comes from the environment (DAYTONA_API_KEY, DAYTONA_JWT_TOKEN,
  # DAYTONA_ORGANIZATION_ID, DAYTONA_API_URL, DAYTONA_TARGET), then from `.env.local` and `.env` in the working
  # directory.
  class Config
    API_URL = 'https://app.daytona.io/api'
    NAMES = %i[api_key jwt_token api_url organization_id target].freeze
    # What the library has beyond the official gem: milliseconds, counts, bytes.
    MORE = %i[connect_timeout_ms idle_timeout_ms retries proxy no_proxy ca_file headers max_connections_per_host
              traceparent user_agent max_result_bytes].freeze

    attr_accessor(*NAMES, *MORE, :otel_enabled, :use_deprecated_polling, :_experimental)

    def initialize(otel_enabled: nil, use_deprecated_polling: nil, _experimental: nil, **options)
      unknown = options.keys - NAMES - MORE
      raise ArgumentError, "unknown keywords: #{unknown.map(&:inspect).join(', ')}" unless unknown.empty?

      @otel_enabled = otel_enabled
      @use_deprecated_polling = use_deprecated_polling
      @_experimental = _experimental
      NAMES.each { |name| public_send(:"#{name}=", options[name] || read_env("DAYTONA_#{name.upcase}")) }
      @api_url ||= API_URL
      MORE.each { |name| public_send(:"#{name}=", options[name]) }
    end

    # A variable of the environment or of the files.
    def read_env(name)
      raise ArgumentError, "Variable must start with 'DAYTONA_', got '#{name}'" unless name.start_with?('DAYTONA_')

      ENV.fetch(name) { files[name] }
    end

    # By the names of the JSON, without what the library reads from the environment itself. A key wins over a token.
    def to_params
      names = NAMES.reject { |name| public_send(name) == ENV.fetch("DAYTONA_#{name.upcase}", nil) }
      names -= %i[jwt_token] if api_key
      names -= %i[api_url] if api_url == API_URL && !ENV.key?('DAYTONA_API_URL')
      JsonText.options((names + MORE).to_h { |name| [name, public_send(name)] })
    end

    # Without the credentials, and without what may hold one: headers and proxies.
    def inspect = "#<#{self.class} api_url=#{api_url.inspect} target=#{target.inspect}>"

    # The part of a hash of options that a Config has, and the rest.
    def self.known(options)
      options.slice(*NAMES, *MORE, :otel_enabled, :use_deprecated_polling, :_experimental)
    end

    def self.unknown(options) = options.reject { |name, _| known(options).key?(name) }

    private

    def files
      @files ||= %w[.env .env.local].select { |name| File.file?(name) }.reduce({}) do |all, name|
        all.merge(variables(name))
      end
    end

    # `NAME=value` or `export NAME="value"` a line; `#` begins a comment.
    def variables(file)
      lines = File.read(file, encoding: 'BOM|UTF-8').scrub.lines
      lines.filter_map { |line| /\A\s*(?:export\s+)?(DAYTONA_\w+)\s*=\s*(.*?)\s*\z/.match(line) }.to_h do |match|
        value = match[2]
        quoted = /\A(["'])(.*?)\1/.match(value)
        [match[1], quoted ? quoted[2] : value.sub(/\s+#.*\z/, '')]
      end
    end
  end
end
