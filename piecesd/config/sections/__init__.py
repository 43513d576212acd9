"""The settings, one module and one class for each section of the documents.

Every field carries its `Setting`: the name in the environment, the kind of
value, the default as one would write it, and a sentence for people.
`piecesd.config.settings.Config` inherits all these classes, and holds the
values; they have no slots, since Python joins no two classes that do.
"""
