"""A project that goes to a shared place, and what another person gets from there."""

import subprocess

from tiny_project import Project

IDENTITY = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]


def publish(project, folder, *remote):
    """Push a project that has run to a bare git repository in a folder, and to a DVC remote.

    Args:
        project: It; its remotes are added.
        folder: Of the repository, `code.git`.
        remote: Address of the DVC remote, and options as `endpointurl=http://…`.
    """
    subprocess.run(["git", "init", "--quiet", "--bare", folder / "code.git"], check=True)
    address, *options = remote
    project.run("dvc", "remote", "add", "--default", "team", address)
    for option in options:
        project.run("dvc", "remote", "modify", "team", *option.split("=", 1))
    project.run("git", "add", "--all", "--force", "dvc.lock")
    project.run("git", "add", "--all")
    project.run("git", *IDENTITY, "commit", "--quiet", "--message", "A run")
    project.run("git", "remote", "add", "origin", str(folder / "code.git"))
    project.run("git", "push", "--quiet", "--set-upstream", "origin", "HEAD:main")
    project.run("dvc", "push", "--quiet")


def clone_published(shared, folder):
    """Return a clone of what was published to a folder, for another person."""
    code = str(shared / "code.git")
    subprocess.run(["git", "clone", "--quiet", "--branch", "main", code, folder], check=True)
    return Project(folder)
