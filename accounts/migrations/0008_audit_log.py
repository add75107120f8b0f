from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_alerts_and_budgets'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='when')),
                ('actor', models.CharField(blank=True, default='', max_length=150, verbose_name='who')),
                ('via', models.CharField(choices=[('admin', 'admin site'), ('api', 'REST API'), ('command', 'command line'), ('pool', 'the pool itself')], max_length=10, verbose_name='by way of')),
                ('action', models.CharField(max_length=30, verbose_name='did')),
                ('kind', models.CharField(max_length=30, verbose_name='what')),
                ('object_id', models.CharField(max_length=40, verbose_name='its id')),
                ('name', models.CharField(help_text='As it was called then.', max_length=100)),
                ('changes', models.JSONField(blank=True, default=list)),
            ],
            options={
                'verbose_name': 'audit log entry',
                'verbose_name_plural': 'audit log entries',
                'ordering': ('-at', '-id'),
                'indexes': [models.Index(fields=['-at', '-id'], name='audit_recent'), models.Index(fields=['object_id', '-at'], name='audit_by_object'), models.Index(fields=['actor', '-at'], name='audit_by_actor'), models.Index(fields=['name', '-at'], name='audit_by_name')],
            },
        ),
    ]
