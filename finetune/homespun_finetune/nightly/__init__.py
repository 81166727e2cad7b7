"""One night for many repositories: each is a run of ``finetune-repo`` of its own.

repositories_file   what ``repositories.toml`` says; task, needs, git_url: of one repository
clones              a repository that is a URL, brought here
child, leash        a run as a process that outlives nobody
row                 what a run came to
one_machine         one after the other, here
cluster             on the machines of a Ray cluster
logs_folder         where logs and reports are: one night's at a time
screen              what people see meanwhile
table, page         what they see in the morning
command             ``homespun nightly``
"""
