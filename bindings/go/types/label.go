package types

// CodeToolboxLanguageLabel is the label that says which language a sandbox was made for.
const CodeToolboxLanguageLabel = "code-toolbox-language"
