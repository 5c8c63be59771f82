"""What people name things by: labels, people and files, compared in one spelling."""
